"""Blur of lenses, motion and processing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from .base import Clip, Degradation, Span, check_shares, check_span
from .kernels import Shape, bump


@dataclass(frozen=True, slots=True)
class Blur(Degradation):
    """Convolve with a random bell, round or elongated (see `kernels.bump`); the border is reflected.

    Defaults: the first of Real-ESRGAN's two rounds (Wang et al., ICCVW 2021); its second has `sigma` 0.2 to 1.5 and
    `chance` 0.8.
    """

    size: tuple[int, int] = (7, 21)
    """Smallest and largest side of the kernel in pixels, both odd."""
    sigma: Span = (0.2, 3.0)
    """Standard deviations in pixels; an elongated kernel draws two."""
    elongated: float = 0.35
    """Probability of two standard deviations and a random angle instead of one."""
    generalized: float = 0.15
    """Probability of a generalized Gaussian, sharper or flatter than the bell."""
    plateau: float = 0.15
    """Probability of a plateau, as of a lens out of focus; what the two leave is Gaussian."""
    generalized_beta: Span = (0.5, 4.0)
    """Exponent of a generalized Gaussian: 1 is the bell, more is flatter."""
    plateau_beta: Span = (1.0, 2.0)
    """Exponent of a plateau: more has steeper flanks."""

    def _check(self) -> None:
        check_kernel_sizes(self.size)
        check_span(0.01, 100, sigma=self.sigma, generalized_beta=self.generalized_beta, plateau_beta=self.plateau_beta)
        check_shares(elongated=self.elongated)
        check_shares(generalized=self.generalized, plateau=self.plateau)

    def _apply(self, clip: Clip, rng: np.random.Generator) -> Clip:
        size, along, angle = drawn_size(self.size, rng), rng.uniform(*self.sigma), rng.uniform(0, np.pi)
        across = rng.uniform(*self.sigma) if rng.random() < self.elongated else along
        return convolved(clip, bump(size, (along, across), angle, *self._shape(rng)))

    def _shape(self, rng: np.random.Generator) -> tuple[Shape, float]:
        choice = rng.random()
        if choice < self.generalized:
            return "generalized", float(rng.uniform(*self.generalized_beta))
        if choice < self.generalized + self.plateau:
            return "plateau", float(rng.uniform(*self.plateau_beta))
        return "gaussian", 1.0


def check_kernel_sizes(size: tuple[int, int]) -> None:
    """Raise `ConfigError` unless both are odd and they rise (or stay) from 1 on."""
    if len(size) != 2 or not 1 <= size[0] <= size[1] or not all(side % 2 for side in size):
        raise ConfigError(f"size is {list(size)}, it must be two odd numbers [from, to]")


def drawn_size(size: tuple[int, int], rng: np.random.Generator) -> int:
    """A random odd number of the span."""
    return int(rng.integers(size[0] // 2, size[1] // 2, endpoint=True)) * 2 + 1


def convolved(clip: Clip, kernel: npt.NDArray[np.float64]) -> Clip:
    """Every frame and channel filtered by an odd kernel, the border reflected, rounded to uint8."""
    return np.stack([cv2.filter2D(frame, -1, kernel, borderType=cv2.BORDER_REFLECT_101) for frame in clip])
