"""Optical flow for the smoother: where each pixel was one frame ago, roughly and cheaply.

The frame graph computes the same with its own operators (`graph/flow.py`); the constants of both are in `blending`.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ..blending import DAMPING, STEP_MAX, WINDOW, pyramid_levels

Reals = npt.NDArray[np.float32]

BORDER = cv2.BORDER_REPLICATE
"""Beyond its border a picture is its border repeated."""


class FlowPlanes(NamedTuple):
    """Two planes `(H, W)` in pixels: what is at `(x, y)` now was at `(x + flow.x[y, x], y + flow.y[y, x])` before."""

    x: Reals
    y: Reals

    def enlarged(self, x: float, y: float, shape: tuple[int, int]) -> FlowPlanes:
        """The same motion in a picture `x` times as wide and `y` times as high, cut to `shape`."""
        return FlowPlanes(enlarged(self.x * np.float32(x), x, y, shape), enlarged(self.y * np.float32(y), x, y, shape))


def lucas_kanade(now: Reals, before: Reals) -> FlowPlanes:
    """The flow from `now` to `before`, two pictures `(H, W)` in [0, 1], of any size.

    Dense and pyramidal, one damped step a level. Bouguet, "Pyramidal implementation of the affine Lucas Kanade feature
    tracker" (Intel, 2001), without the features: the window is a box around every pixel.
    """
    pyramid = [(now, before)]
    for _ in range(pyramid_levels(now.shape[1], now.shape[0]) - 1):
        now, before = shrunk(now, 2), shrunk(before, 2)
        pyramid.append((now, before))
    flow = FlowPlanes(np.zeros_like(now), np.zeros_like(now))
    for now, before in reversed(pyramid):
        if flow.x.shape != now.shape:
            flow = flow.enlarged(2, 2, (now.shape[0], now.shape[1]))
        flow = _refined(flow, now, before)
    return flow


def followed(picture: Reals, flow: FlowPlanes, interpolation: int = cv2.INTER_LINEAR) -> Reals:
    """A picture `(H, W)` or `(H, W, C)`, sampled where the flow leads."""
    rows, columns = (np.arange(side, dtype=np.float32) for side in flow.x.shape)
    x, y = flow.x + columns, flow.y + rows[:, None]
    return np.asarray(cv2.remap(picture, x, y, interpolation, borderMode=BORDER), np.float32)


def shrunk(picture: Reals, factor: int) -> Reals:
    """Means of `factor` x `factor` samples of `(H, W)`; sizes round up."""
    height, width = picture.shape
    rows, columns = -(-height // factor), -(-width // factor)
    below, right = rows * factor - height, columns * factor - width
    whole = cv2.copyMakeBorder(picture, 0, below, 0, right, BORDER) if below or right else picture
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


def enlarged(field: Reals, x: float, y: float, shape: tuple[int, int]) -> Reals:
    """A plane `(h, w)` drawn out to `x` times its width and `y` times its height, cut to `shape`."""
    height, width = field.shape
    size = ceil(width * x), ceil(height * y)
    if size != (width, height):
        field = np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_LINEAR), np.float32)
    return field[: shape[0], : shape[1]]


def box(field: Reals, side: int) -> Reals:
    """Means over `side` x `side` neighbours."""
    kernel = np.full(side, 1 / side, np.float32)  # a third faster than cv2.blur, which sums in double
    return np.asarray(cv2.sepFilter2D(field, cv2.CV_32F, kernel, kernel, borderType=BORDER), np.float32)


def _refined(flow: FlowPlanes, now: Reals, before: Reals) -> FlowPlanes:
    """One step: the motion that best explains, around each pixel, what has changed along the flow so far."""
    across, down = (cv2.Sobel(now, cv2.CV_32F, *order, ksize=1, scale=0.5, borderType=BORDER) for order in _AXES)
    change = now - followed(before, flow)
    xx, xy, yy = (box(slopes, WINDOW) for slopes in (across * across, across * down, down * down))
    xx += np.float32(DAMPING)
    yy += np.float32(DAMPING)
    x, y = box(across * change, WINDOW), box(down * change, WINDOW)
    determinant = xx * yy - xy * xy
    return FlowPlanes(_moved(flow.x, yy * x - xy * y, determinant), _moved(flow.y, xx * y - xy * x, determinant))


_AXES = ((1, 0), (0, 1))


def _moved(flow: Reals, step: Reals, determinant: Reals) -> Reals:
    step /= determinant
    np.clip(step, -STEP_MAX, STEP_MAX, out=step)
    step += flow
    return box(step, WINDOW)
