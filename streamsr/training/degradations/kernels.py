"""Kernels of blur: non-negative or ringing, `(size, size)` float64, sum 1, size odd.

The family is Real-ESRGAN's (Wang et al., ICCVW 2021, section 3.2 and appendix).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Shape = Literal["gaussian", "generalized", "plateau"]

_BESSEL_STEPS = 128
"""Of the trapezoid rule below; exact to double precision for arguments below about 100."""


def bump(size: int, sigma: tuple[float, float], angle: float, shape: Shape = "gaussian", beta: float = 1.0) -> Reals:
    """A bell around the middle, of standard deviations `sigma` (pixels) along two axes turned by `angle` (radians).

    With `q` the squared distance in standard deviations: gaussian `exp(-q / 2)`, generalized `exp(-q^beta / 2)` (Liu et
    al., "Estimating generalized Gaussian blur kernels for out-of-focus image deblurring", 2020), plateau
    `1 / (1 + q^beta)`.
    """
    y, x = _grid(size)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    q = (along / sigma[0]) ** 2 + (across / sigma[1]) ** 2
    power = q if shape == "gaussian" else q**beta
    values = 1 / (1 + power) if shape == "plateau" else np.exp(-power / 2)
    return np.asarray(values / values.sum())


def sinc(size: int, cutoff: float) -> Reals:
    """The ideal circular low-pass of `cutoff` radians per pixel (0..pi), cut off by the window: ringing, overshoot.

    `cutoff / (2 pi r) J1(cutoff r)`, its limit `cutoff^2 / (4 pi)` in the middle.
    """
    radius = np.hypot(*_grid(size))
    middle = radius == 0
    values = np.where(middle, cutoff / 2, bessel_j1(cutoff * radius) / np.where(middle, 1.0, radius))
    return np.asarray(values / values.sum())


def bessel_j1(x: Reals) -> Reals:
    """Bessel function of the first kind, order one: the mean of `cos(t - x sin t)` over 0..pi (DLMF 10.9.2)."""
    t = (np.arange(_BESSEL_STEPS) + 0.5) * np.pi / _BESSEL_STEPS
    return np.asarray(np.cos(t - x[..., None] * np.sin(t)).mean(axis=-1))


def _grid(size: int) -> tuple[Reals, Reals]:
    """Rows and columns relative to the middle."""
    offsets = np.arange(size) - (size - 1) / 2
    y, x = np.meshgrid(offsets, offsets, indexing="ij")
    return y, x
