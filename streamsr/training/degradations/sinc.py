"""Ringing: what sharpening and low bit rates leave around edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .base import Clip, Degradation, Span, check_span
from .blur import check_kernel_sizes, convolved, drawn_size
from .kernels import sinc


@dataclass(frozen=True, slots=True)
class Sinc(Degradation):
    """Convolve with an ideal low-pass, which overshoots at edges (see `kernels.sinc`); the border is reflected.

    Defaults: Real-ESRGAN's last step (Wang et al., ICCVW 2021), there applied with `chance` 0.8.
    """

    size: tuple[int, int] = (7, 21)
    """Smallest and largest side of the kernel in pixels, both odd."""
    cutoff: Span = (1.0471975511965976, 3.141592653589793)
    """Highest frequency that passes, radians per pixel: pi / 3 to pi."""

    def _check(self) -> None:
        check_kernel_sizes(self.size)
        check_span(0.1, np.pi, cutoff=self.cutoff)

    def _apply(self, clip: Clip, rng: np.random.Generator) -> Clip:
        return convolved(clip, sinc(drawn_size(self.size, rng), float(rng.uniform(*self.cutoff))))
