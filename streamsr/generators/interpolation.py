"""Interpolation: what pictures are enlarged with when nothing has been learned. The baselines of every comparison.

All are parameter-free and separable, and computed by `resample` as one convolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from .base import CHANNELS, ColorSpace, Generator
from .resample import Resample, gaussian, keys, lanczos, phases, prefiltered, triangle

Method = Literal["nearest", "bilinear", "bicubic", "lanczos", "gaussian"]


@dataclass(frozen=True, slots=True)
class InterpolationConfig:
    """Which interpolation.

    `nearest` repeats pixels; `bilinear`; `bicubic` with Keys' a = -1/2, the baseline of the super-resolution
    literature; `lanczos` of three lobes, the sharpest of the common ones; `gaussian`, the classical way with noisy
    pictures: smooth by a Gaussian of `sigma` input pixels, which removes noise and detail alike, then enlarge by
    `bicubic`. What a learned generator adds beyond denoising shows against the last.
    """

    scale: int = 2
    method: Method = "bicubic"
    color: ColorSpace = "luma"
    sigma: float = 0.8
    """Input pixels; of `gaussian` alone."""


class Interpolation(Generator):
    """A fixed interpolation: `(N, C, H, W)` float in [0, 1] -> `(N, C, scale * H, scale * W)`, not clipped.

    The border is replicated. `bicubic` and `lanczos` overshoot at edges.
    """

    Config = InterpolationConfig
    config: InterpolationConfig

    def __init__(self, config: InterpolationConfig) -> None:
        super().__init__(config)
        self.resample = Resample(_phases(config), CHANNELS[config.color])

    @property
    def color(self) -> ColorSpace:
        """As configured."""
        return self.config.color

    @property
    def halo(self) -> int:
        """Input pixels around an output pixel that can influence it."""
        return self.resample.reach

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge the picture."""
        enlarged: Tensor = self.resample(x)
        return enlarged


def _phases(config: InterpolationConfig) -> Tensor:
    kernel, reach = {
        "nearest": (lambda _: 1.0, 0),
        "bilinear": (triangle, 1),
        "bicubic": (keys, 2),
        "lanczos": (lanczos, 3),
        "gaussian": (keys, 2),
    }[config.method]
    weights = phases(kernel, reach, config.scale)
    return prefiltered(weights, gaussian(config.sigma)) if config.method == "gaussian" else weights
