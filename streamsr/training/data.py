"""Training images: decoded once into luma pairs, cut into random patches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import ConfigError
from .degrade import bicubic, mod_crop
from .images import read_rgb
from .metrics import luma
from .recipe import DataSection

Luma = npt.NDArray[np.uint8]

CACHE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Pair:
    """One image's luma at both sizes: `low` is `(H, W)`, `high` is `(scale * H, scale * W)`, uint8 16..235."""

    low: Luma
    high: Luma


def find_images(folder: Path, include: Iterable[str], exclude: Iterable[str]) -> list[Path]:
    """The files under `folder` that match a glob of `include` and none of `exclude`, sorted by name.

    Raises:
        ConfigError: there are none.
    """
    chosen = {path for pattern in include for path in folder.glob(pattern) if path.is_file()}
    chosen -= {path for pattern in exclude for path in folder.glob(pattern)}
    if not chosen:
        raise ConfigError(f"no images in {folder} match {list(include)} without {list(exclude)}")
    return sorted(chosen)


def load_pairs(paths: list[Path], scale: int, cache: Path | None = None) -> list[Pair]:
    """Decode and downscale `paths`; the result is kept in the folder `cache`, under a name made from the files."""
    stored = None if cache is None else cache / f"luma-x{scale}-{_fingerprint(paths)}.npz"
    if stored is not None and stored.exists():
        with np.load(stored, allow_pickle=False) as arrays:
            return [Pair(arrays[f"low{i}"], arrays[f"high{i}"]) for i in range(len(paths))]
    pairs = [make_pair(read_rgb(path), scale) for path in paths]
    if stored is not None:
        _store(stored, pairs)
    return pairs


def make_pair(rgb: npt.NDArray[np.uint8], scale: int) -> Pair:
    """The pair of one RGB image, made as the benchmark sets are: RGB is downscaled, then luma is taken of both."""
    rgb = mod_crop(rgb, scale)
    return Pair(luma(bicubic(rgb, Fraction(1, scale))), luma(rgb))


class Patches:
    """Random patches, turned and mirrored. A batch depends on the seed and the step alone, so a run can resume."""

    def __init__(self, pairs: list[Pair], scale: int, section: DataSection, seed: int) -> None:
        side = section.patch
        self._pairs = [pair for pair in pairs if min(pair.low.shape) >= side]
        if not self._pairs:
            raise ConfigError(f"no training image has {side} low-resolution pixels on its shorter side")
        areas = np.array([pair.low.size for pair in self._pairs], dtype=np.float64)
        self._share = areas / areas.sum()
        self._scale, self._section, self._seed = scale, section, seed

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The batch of one step: `(N, 1, p, p)` and `(N, 1, scale * p, scale * p)`, float32 in [0, 1]."""
        rng = np.random.default_rng((self._seed, step))
        count, candidates = self._section.batch, self._section.candidates
        images = rng.choice(len(self._pairs), count * candidates, p=self._share)
        places = rng.random((count * candidates, 2))
        crops = [self._crop(self._pairs[image], place) for image, place in zip(images, places, strict=True)]
        kept = [max(crops[i::count], key=_contrast) for i in range(count)]
        turns = rng.integers(8, size=count)
        turned = [_turn(*crop, int(turn)) for crop, turn in zip(kept, turns, strict=True)]
        low, high = (torch.from_numpy(np.stack(side)).unsqueeze(1).float() / 255 for side in zip(*turned, strict=True))
        return low, high

    def _crop(self, pair: Pair, place: npt.NDArray[np.float64]) -> tuple[Luma, Luma]:
        """The patch at `place`, a point of the unit square over all positions there are."""
        side, scale = self._section.patch, self._scale
        y, x = (int(at * (length - side + 1)) for at, length in zip(place, pair.low.shape, strict=True))
        high = pair.high[y * scale : (y + side) * scale, x * scale : (x + side) * scale]
        return pair.low[y : y + side, x : x + side], high


def _contrast(crop: tuple[Luma, Luma]) -> float:
    return float(crop[0].var(dtype=np.float32))


def _turn(low: Luma, high: Luma, turn: int) -> tuple[Luma, Luma]:
    """One of the eight ways to lay a square: a quarter turn (0..3), mirrored from 4 on."""
    low, high = np.rot90(low, turn % 4), np.rot90(high, turn % 4)
    return (low[:, ::-1], high[:, ::-1]) if turn >= 4 else (low, high)


def _fingerprint(paths: list[Path]) -> str:
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return hashlib.sha256(repr((CACHE_VERSION, facts)).encode()).hexdigest()[:16]


def _store(path: Path, pairs: list[Pair]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"{side}{i}": getattr(pair, side) for i, pair in enumerate(pairs) for side in ("low", "high")}
    temporary = path.with_suffix(".tmp.npz")
    np.savez(temporary, **arrays)
    temporary.replace(path)
