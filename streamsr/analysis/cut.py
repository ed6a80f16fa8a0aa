"""Does another scene begin here? It does when a picture cannot be had from the one before by moving its parts."""

from __future__ import annotations

import cv2
import numpy as np

from .luma import Luma
from .motion import Dis, warp

UNRELATED = 0.2
"""A pixel is new when its squared difference is more than this part of what two unrelated pictures differ by."""
NOISE = 1e-3
"""And more than this, of luma in [0, 1]: eight codes of 255, more than camera noise or a slow fade makes of it."""
NEW_SHARE = 0.25
"""Of the pixels, from which on it is a cut. Measured on eight clips: at most 0.16 without (a lorry passes close by),
0.37 from one parked car to another, 0.48 when a lens is changed, 0.6 and more at most cuts."""
WIDTH = 320
"""Columns of the pictures that are compared."""


class CutDetector:
    """Tells of each frame of a video in turn whether a scene begins with it. Memory: one small picture."""

    def __init__(self) -> None:
        self._flow = Dis("ultrafast")
        self._last: Luma | None = None

    def __call__(self, luma: Luma) -> bool:
        """Whether `(H, W)` uint8 shows another scene than the picture before; the first one, and one of another size,
        do not."""
        last, self._last = self._last, _small(luma)
        if last is None or last.shape != self._last.shape:
            return False
        return is_cut(last, self._last, self._flow)


def is_cut(first: Luma, second: Luma, flow: Dis) -> bool:
    """Whether two small pictures, `(H, W)` uint8, show different scenes.

    They do when enough of the second is not in the first, moved. How much a pixel must differ depends on brightness and
    contrast, as unrelated pictures differ by var Y1 + var Y2 + (mean Y1 - mean Y2)^2: a fixed bound would miss cuts
    between dark scenes. Pixels are counted, their differences not summed, because of what is bright and passes by.
    """
    a, b = (picture.astype(np.float32) / np.float32(255) for picture in (first, second))
    difference = np.square(b - warp(a, flow(second, first)))
    unrelated = float(a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    return float((difference > max(NOISE, UNRELATED * unrelated)).mean()) > NEW_SHARE


def _small(luma: Luma) -> Luma:
    """At most `WIDTH` columns."""
    rows, columns = luma.shape
    if columns <= WIDTH:
        return luma.copy()
    size = WIDTH, max(1, round(rows * WIDTH / columns))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
