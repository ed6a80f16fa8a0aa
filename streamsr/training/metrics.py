"""Picture quality by the rule of the super-resolution literature. numpy only.

Luma is BT.601 limited range (16..235) as MATLAB's `rgb2ycbcr` gives it, rounded to 8 bits; `scale` pixels are cropped
from every side before comparing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Reals = npt.NDArray[np.float64]

BT601_LIMITED = (65.481, 128.553, 24.966)
"""Weights of R, G, B in [0, 1] in the luma code 16..235."""
SSIM_WINDOW = 11
SSIM_SIGMA = 1.5


def luma(image: Image) -> Image:
    """8-bit luma of an RGB image: `(H, W, 3)` uint8 -> `(H, W)` uint8, 16..235."""
    return to_codes(luma_real(image))


def luma_real(image: npt.NDArray[Any]) -> Reals:
    """The same before rounding: `(H, W, 3)` in 0..255 -> `(H, W)` float64."""
    weights = np.array(BT601_LIMITED) / 255
    return np.asarray(image @ weights + 16.0)


def to_codes(values: npt.NDArray[Any]) -> Image:
    """Reals in code units to uint8: rounded half up, clipped to 0..255."""
    return np.asarray(np.floor(np.clip(values, 0, 255) + 0.5), np.uint8)


def psnr(image: Image, truth: Image, crop: int = 0) -> float:
    """Peak signal-to-noise ratio in dB of two `(H, W)` uint8 images; infinite when they are equal."""
    a, b = _cropped(image, truth, crop)
    error = float(np.mean((a - b) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 / error))


def ssim(image: Image, truth: Image, crop: int = 0) -> float:
    """Structural similarity (Wang et al. 2004) of two `(H, W)` uint8 images: Gaussian 11 x 11, no padding, double."""
    a, b = _cropped(image, truth, crop)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = _blur(a), _blur(b)
    var_a, var_b = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return float(np.mean(top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))))


def _cropped(image: Image, truth: Image, crop: int) -> tuple[Reals, Reals]:
    if image.shape != truth.shape or image.ndim != 2:
        raise ValueError(f"two (H, W) images of one size are compared, got {image.shape} and {truth.shape}")
    inner = tuple(slice(crop, side - crop) for side in image.shape)
    return image[inner].astype(np.float64), truth[inner].astype(np.float64)


def _blur(x: Reals) -> Reals:
    offsets = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    kernel = np.exp(-(offsets**2) / (2 * SSIM_SIGMA**2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        x = np.lib.stride_tricks.sliding_window_view(x, SSIM_WINDOW, axis=axis) @ kernel
    return x
