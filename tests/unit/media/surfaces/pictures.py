"""Small clips, and how the tests of pictures that stay on the device open and compare them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from streamsr.frame import Frame, Source
from streamsr.media.open import open_source
from streamsr.media.read_options import ReadOptions

KINDS = {"yuv420p": "nv12", "yuv420p10le": "p010le"}
SIZE = {"width": 50, "height": 34}
"""No row of it is as long as FFmpeg makes rows."""


def opened(clip: Path, **options) -> Source:
    return open_source(clip, ReadOptions(hwaccel="cuda", **options))


def equal(a: Frame, b: Frame) -> bool:
    same = (a.layout, a.pts, a.duration, a.cut) == (b.layout, b.pts, b.duration, b.cut)
    return same and all(np.array_equal(x, y) for x, y in zip(a.planes, b.planes, strict=True))
