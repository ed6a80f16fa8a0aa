"""A film without noise whose scene is known, and a stylizer that flickers as bad ones do, made of code."""

from __future__ import annotations

import cv2
import numpy as np

from streamsr.layout import PixelLayout

Planes = tuple[np.ndarray, ...]


def scene(height: int, width: int, seed: int = 0, blur: float = 3) -> np.ndarray:
    """A still RGB picture `(H, W, 3)` uint8: soft blobs of full contrast."""
    noise = np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), blur), None, 10, 245, cv2.NORM_MINMAX).astype(np.uint8)


def pan(count: int, height: int, width: int, step: tuple[int, int] = (1, 2), seed: int = 0) -> list[np.ndarray]:
    """A camera that moves by `step` (rows, columns) a frame over a still scene."""
    whole = scene(height + count * step[0], width + count * step[1], seed)
    return [whole[i * step[0] : i * step[0] + height, i * step[1] : i * step[1] + width].copy() for i in range(count)]


def posterized(rgb: np.ndarray, index: int) -> np.ndarray:
    """Seven levels a channel whose borders jump with every frame, under a fresh soft texture: flicker of both kinds."""
    random = np.random.default_rng((7, index))
    levels = np.floor(rgb / 40 + random.random(3)) * 40 - 20 * random.random(3)
    texture = random.normal(0, 9, (-(-rgb.shape[0] // 4), -(-rgb.shape[1] // 4))).astype(np.float32)
    grain = cv2.resize(texture, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.clip(levels + grain[..., None], 0, 255).astype(np.uint8)


def luma_of(rgb: np.ndarray) -> np.ndarray:
    """Y `(H, W)` uint8 by BT.601, full range."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)


def yuv_planes(rgb: np.ndarray, layout: PixelLayout) -> Planes:
    """An RGB picture in a YUV or gray layout: BT.601, full range, chroma by averaging."""
    ycc = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]]
    found = []
    for letters, shape in zip(layout.planes, layout.plane_shapes(rgb.shape[1], rgb.shape[0]), strict=True):
        parts = [ycc[..., "YUV".index(letter)] for letter in letters]
        parts = [cv2.resize(part, shape[1::-1], interpolation=cv2.INTER_AREA) for part in parts]
        codes = (parts[0] if len(parts) == 1 else np.dstack(parts)).astype(np.uint32)
        found.append((codes * layout.peak // 255 << layout.shift).astype(layout.dtype))
    return tuple(found)


def rgb_of(planes: Planes) -> np.ndarray:
    """The RGB of three 8-bit planes, whatever the size of the chroma."""
    size = planes[0].shape[::-1]
    y, u, v = (cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in planes)
    return cv2.cvtColor(np.dstack([y, v, u]), cv2.COLOR_YCrCb2RGB)


def psnr(a: np.ndarray, b: np.ndarray, peak: int = 255) -> float:
    """dB; 200 for equal ones."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2)) / peak**2
    return -10 * np.log10(max(error, 1e-20))
