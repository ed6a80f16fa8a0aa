"""Downscaling as the benchmarks of super-resolution do it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...errors import ConfigError
from ..degrade import bicubic
from .base import Clip, Degradation


@dataclass(frozen=True, slots=True)
class Bicubic(Degradation):
    """Shrink by a whole factor as MATLAB's `imresize` does, bit for bit (see `degrade.bicubic`). Nothing is random."""

    scale: int = 2
    """Pixels in per pixel out along each axis; sides that do not divide round up."""

    def _check(self) -> None:
        if self.scale < 1:
            raise ConfigError(f"scale is {self.scale}, it must be at least 1")

    def _apply(self, clip: Clip, rng: np.random.Generator) -> Clip:
        del rng
        return np.stack([bicubic(frame, Fraction(1, self.scale)) for frame in clip])
