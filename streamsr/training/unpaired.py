"""Random patches of two kinds of pictures that do not belong together in pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError
from .images import Image


class Crops:
    """Patches of the pictures of one kind; big ones are drawn from more often."""

    def __init__(self, images: Sequence[Image], side: int, kind: str) -> None:
        self._images = [image for image in images if min(image.shape[:2]) >= side]
        if not self._images:
            raise ConfigError(f"no picture of {kind} has {side} pixels on its shorter side at the recipe's heights")
        areas = np.array([image.size for image in self._images], np.float64)
        self._share, self._side = areas / areas.sum(), side

    def draw(self, rng: np.random.Generator) -> Image:
        """One patch `(p, p, 3)` uint8, every other one mirrored; which side is up stays."""
        image = self._images[rng.choice(len(self._images), p=self._share)]
        top, left = (int(rng.integers(length - self._side + 1)) for length in image.shape[:2])
        patch = image[top : top + self._side, left : left + self._side]
        return patch[:, ::-1] if rng.random() < 0.5 else patch


class Unpaired:
    """Batches of both kinds. A batch depends on the seed and the step alone, so a run can resume."""

    def __init__(self, a: Crops, b: Crops, batch: int, seed: int) -> None:
        self._kinds, self._batch, self._seed = (a, b), batch, seed

    def batch(self, step: int, rank: int = 0, world: int = 1) -> tuple[Tensor, ...]:
        """The patches of one step: a and b, `(N, 3, p, p)` float32 in [0, 1].

        Of `world` processes each gets its own part of the same batch.
        """
        rngs = [np.random.default_rng((self._seed, step, index)) for index in range(rank, self._batch, world)]
        drawn = [np.stack([kind.draw(rng) for rng in rngs]) for kind in self._kinds]
        return tuple(torch.from_numpy(patches).permute(0, 3, 1, 2).float() / 255 for patches in drawn)
