"""The brightness of a frame in 8 bits, whatever its pixel layout: what pictures are compared and followed by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ..frame import Plane
from ..layout import PixelLayout

Luma = npt.NDArray[np.uint8]

_RGB_TO_LUMA = {"R": 77, "G": 150, "B": 29}
"""BT.601's weights in 256ths."""


def luma_plane(planes: Sequence[Plane], layout: PixelLayout) -> Luma:
    """Luma `(H, W)` uint8 of a frame's planes: its own, in the range it is coded in, or that of its RGB by BT.601.

    A view where the memory allows it.
    """
    components = dict(_components(planes, layout))
    if layout.family != "rgb":
        return _in_8_bits(components["Y"], layout)
    total = np.full(planes[0].shape[:2], 128, np.uint16)
    for name, weight in _RGB_TO_LUMA.items():
        total += _in_8_bits(components[name], layout) * np.uint16(weight)
    return (total >> 8).astype(np.uint8)


def _components(planes: Sequence[Plane], layout: PixelLayout) -> Iterator[tuple[str, Plane]]:
    for names, plane in zip(layout.planes, planes, strict=True):
        for index, name in enumerate(names):
            yield name, plane if plane.ndim == 2 else plane[..., index]


def _in_8_bits(plane: Plane, layout: PixelLayout) -> Luma:
    extra = layout.depth + layout.shift - 8
    return (plane >> extra).astype(np.uint8) if extra else plane.view(np.uint8)
