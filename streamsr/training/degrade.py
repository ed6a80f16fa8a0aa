"""How low-resolution training images are made from high-resolution ones. numpy only."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from .metrics import to_codes

Image = npt.NDArray[np.uint8]
Reals = npt.NDArray[np.float64]


def bicubic(image: Image, scale: Fraction | int) -> Image:
    """Resize as MATLAB's `imresize(image, scale)` does: the benchmark sets' low-resolution images, bit for bit.

    Keys' cubic (a = -0.5), widened against aliasing when shrinking, border replicated, rounded to uint8 after the
    pass over rows and again after the pass over columns. `image` is `(H, W)` or `(H, W, C)` uint8; each side of the
    result is `ceil(side * scale)`.
    """
    scale = Fraction(scale)
    return to_codes(_resized(to_codes(_resized(image, scale, 0)), scale, 1))


def bicubic_real(image: npt.NDArray[Any], scale: Fraction | int) -> Reals:
    """The same in float64 without rounding or clipping: the baseline that models are compared with."""
    scale = Fraction(scale)
    return _resized(_resized(image, scale, 0), scale, 1)


def mod_crop(image: Image, scale: int) -> Image:
    """Crop the bottom and the right so that both sides divide by `scale`."""
    return image[: image.shape[0] // scale * scale, : image.shape[1] // scale * scale]


def _resized(image: npt.NDArray[Any], scale: Fraction, axis: int) -> Reals:
    rows = np.moveaxis(image, axis, 0)
    weights, indices = _taps(rows.shape[0], scale)
    shape = (-1,) + (1,) * (rows.ndim - 1)
    total = np.zeros((len(weights), *rows.shape[1:]))
    for tap in range(weights.shape[1]):
        total += weights[:, tap].reshape(shape) * rows[indices[:, tap]]
    return np.moveaxis(total, 0, axis)


def _taps(length: int, scale: Fraction) -> tuple[Reals, npt.NDArray[np.int64]]:
    """Weights and source positions of every output sample: two arrays `(outputs, taps)`."""
    outputs = -int(-length * scale // 1)
    shrink = min(float(scale), 1.0)
    centres = (np.arange(outputs) + 0.5) / float(scale) - 0.5
    first = np.floor(centres - 2 / shrink)
    indices = first[:, None] + np.arange(int(np.ceil(4 / shrink)) + 2)
    weights = _cubic((centres[:, None] - indices) * shrink)
    weights /= weights.sum(axis=1, keepdims=True)
    used = weights.any(axis=0)
    return weights[:, used], np.clip(indices[:, used], 0, length - 1).astype(np.int64)


def _cubic(x: Reals) -> Reals:
    """Keys, "Cubic convolution interpolation for digital image processing" (1981), a = -0.5."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))
