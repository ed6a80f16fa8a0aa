"""Random patches of the training pairs. A batch depends on the seed and the step alone, so a run can resume."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import ConfigError
from .images import Image
from .pairs import Pair
from .recipe import DataSection

INVERTED = 0.3
"""Share of the patches that `DataSection.recolor` inverts."""


class Patches:
    """Batches of patches, turned and mirrored, and recolored where the recipe says so."""

    def __init__(self, pairs: list[Pair], scale: int, section: DataSection, seed: int) -> None:
        side = section.patch
        self._pairs = [pair for pair in pairs if min(pair.low.shape[:2]) >= side]
        if not self._pairs:
            raise ConfigError(f"no training image has {side} low-resolution pixels on its shorter side")
        weights = np.array([pair.low.size for pair in self._pairs], dtype=np.float64) ** section.area_power
        self._share = weights / weights.sum()
        self._scale, self._section, self._seed = scale, section, seed

    def batch(self, step: int, rank: int = 0, world: int = 1) -> tuple[Tensor, Tensor]:
        """The batch of one step: `(N, C, p, p)` and `(N, C, scale * p, scale * p)`, float32 in [0, 1], channels last.

        Of `world` processes each gets its own part of the same batch, so that what is learned does not depend on how
        many there are.
        """
        rng = np.random.default_rng((self._seed, step))
        count, candidates = self._section.batch, self._section.candidates
        images = rng.choice(len(self._pairs), (candidates, count), p=self._share)
        places, turns = rng.random((candidates, count, 2)), rng.integers(8, size=count)
        palettes = [_palette(rng, self._pairs[0].low.shape[-1]) for _ in range(count)]
        lows, highs = [], []
        for index in range(rank, count, world):
            drawn = zip(images[:, index], places[:, index], strict=True)
            crops = [self._crop(self._pairs[image], place) for image, place in drawn]
            crop = _turned(max(crops, key=_contrast), int(turns[index]))
            low, high = _recolored(crop, *palettes[index]) if self._section.recolor else crop
            lows.append(low)
            highs.append(high)
        return _tensor(lows), _tensor(highs)

    def _crop(self, pair: Pair, place: npt.NDArray[np.float64]) -> tuple[Image, Image]:
        """The patch at `place`, a point of the unit square over all positions there are."""
        side, scale = self._section.patch, self._scale
        y, x = (int(at * (length - side + 1)) for at, length in zip(place, pair.low.shape, strict=False))
        high = pair.high[y * scale : (y + side) * scale, x * scale : (x + side) * scale]
        return pair.low[y : y + side, x : x + side], high


def _contrast(crop: tuple[Image, Image]) -> float:
    return float(crop[0].var(dtype=np.float32))


def _turned(crop: tuple[Image, Image], turn: int) -> tuple[Image, Image]:
    """One of the eight ways to lay a square: a quarter turn (0..3), mirrored from 4 on."""
    low, high = (np.rot90(side, turn % 4) for side in crop)
    return (low[:, ::-1], high[:, ::-1]) if turn >= 4 else (low, high)


def _palette(rng: np.random.Generator, channels: int) -> tuple[npt.NDArray[np.intp], bool]:
    """An order of the channels, and whether to invert."""
    return rng.permutation(channels), bool(rng.random() < INVERTED)


def _recolored(crop: tuple[Image, Image], order: npt.NDArray[np.intp], invert: bool) -> tuple[Image, Image]:
    """Both sides alike: what is linear, as most degradations are, does the same to a picture in other colours."""
    low, high = (side[..., order] for side in crop)
    return (255 - low, 255 - high) if invert else (low, high)


def _tensor(images: list[Image]) -> Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
