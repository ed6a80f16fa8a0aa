"""Pictures of any depth on one scale, and how far apart two of them are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..graph.planes import to_planes
from ..layout import PixelLayout
from .base import Array

Levels = npt.NDArray[np.float32]

PSNR_MAX = 99.0
"""What equal pictures count as, instead of infinity."""


def levels(tensors: Sequence[Array], layout: PixelLayout) -> tuple[Levels, ...]:
    """Tensors of a frame graph as float32 planes in 8-bit levels, 0..255, whatever their depth."""
    scale = np.float32(255 / (layout.peak << layout.shift))
    return tuple(plane.astype(np.float32) * scale for plane in to_planes(tensors, layout))


def psnr(a: Levels, b: Levels) -> float:
    """Peak signal-to-noise ratio in dB of two planes in 8-bit levels, at most `PSNR_MAX`."""
    error = float(np.mean(np.square(a - b), dtype=np.float64))
    return min(PSNR_MAX, 10 * float(np.log10(255**2 / error))) if error else PSNR_MAX


def span(plane: Levels) -> float:
    """The distance in levels between a plane's lowest and highest sample."""
    return float(np.ptp(plane))
