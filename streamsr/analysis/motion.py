"""Where each pixel went from one picture to another, and which of them can be seen in both."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from .luma import Luma

Flow = npt.NDArray[np.float32]
"""`(H, W, 2)`: what is at `(x, y)` in the first picture is at `(x, y) + flow[y, x]` in the second."""
Mask = npt.NDArray[np.bool_]
"""`(H, W)`."""
Reals = npt.NDArray[np.float32]
"""A picture `(H, W)` or `(H, W, C)`."""

SIDE_MIN = 32
"""DIS writes beyond its memory when a picture has fewer rows or columns and is much longer the other way."""


class Dis:
    """Dense optical flow by inverse search (Kroeger et al., "Fast optical flow using DIS", ECCV 2016).

    `medium` is for measuring, `ultrafast` for while the video runs. Not for several threads at once.
    """

    def __init__(self, preset: Literal["ultrafast", "fast", "medium"]) -> None:
        self._search = cv2.DISOpticalFlow.create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset.upper()}"))

    def __call__(self, first: Luma, second: Luma) -> Flow:
        """The flow from `first` to `second`, two `(H, W)` uint8 of one size, any size."""
        rows, columns = first.shape
        spare = 0, max(0, SIDE_MIN - rows), 0, max(0, SIDE_MIN - columns)
        one, other = (cv2.copyMakeBorder(picture, *spare, cv2.BORDER_REPLICATE) for picture in (first, second))
        flow = self._search.calc(one, other, np.zeros((*one.shape, 2), np.float32))
        return np.asarray(flow, np.float32)[:rows, :columns]


def warp(picture: Reals, flow: Flow) -> Reals:
    """`picture`, the second of a pair, seen from the first: sampled where `flow` leads, bilinearly.

    Beyond its border the picture is its border repeated.
    """
    rows, columns = (np.arange(side, dtype=np.float32) for side in flow.shape[:2])
    x, y = flow[..., 0] + columns, flow[..., 1] + rows[:, None]
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def visible(there: Flow, back: Flow) -> Mask:
    """The pixels of the first picture that the second one shows too, away from the borders of moving things.

    After Sundaram et al., "Dense point trajectories by GPU-accelerated large displacement optical flow" (ECCV 2010),
    with the constants of Ruder et al. (GCPR 2016), as in the evaluation of Lai et al. (ECCV 2018). `there` is the flow
    from the first to the second, `back` from the second to the first, w~ the latter warped to the first: hidden is what
    does not come back, |w + w~|^2 > 0.01 (|w|^2 + |w~|^2) + 0.5, and what lies on a border of motion,
    |grad u|^2 + |grad v|^2 > 0.01 |w|^2 + 0.002 with forward differences.
    """
    returned = warp(back, there)
    size, astray = _squared(there), _squared(there + returned)
    lost = astray > 0.01 * (size + _squared(returned)) + 0.5
    return np.asarray(~lost & (_slope(there) <= 0.01 * size + 0.002))


def _squared(flow: Flow) -> Reals:
    x, y = cv2.split(flow)
    return np.asarray(x * x + y * y, np.float32)


def _slope(flow: Flow) -> Reals:
    """|grad u|^2 + |grad v|^2; the last row has no neighbour below it, the last column none to its right."""
    total = np.zeros(flow.shape[:2], np.float32)
    total[:, :-1] += _squared(np.diff(flow, axis=1))
    total[:-1] += _squared(np.diff(flow, axis=0))
    return total
