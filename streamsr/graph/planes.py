"""A frame's planes as a frame graph's tensors and back, without copying.

TensorRT has no 16-bit unsigned integers, so a plane of more than 8 bits crosses the boundary as pairs of uint8, low
byte first (`[..., 2]`); the graph computes `low + 256 * high` on the way in and splits again on the way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import MismatchError
from ..frame import Plane
from ..layout import PixelLayout
from ..residence import DevicePlane, DevicePlanes

Bytes = npt.NDArray[np.uint8]


def tensor_shapes(layout: PixelLayout, width: int, height: int) -> tuple[tuple[int, ...], ...]:
    """Shapes of the uint8 tensors that stand for the planes of a `width` x `height` picture."""
    pair = () if layout.depth <= 8 else (2,)
    return tuple((*shape, *pair) for shape in layout.plane_shapes(width, height))


def to_tensors(planes: Sequence[Plane], layout: PixelLayout) -> tuple[Bytes, ...]:
    """Planes `(H, W)` or `(H, W, C)` as uint8 tensors: 8-bit ones as they are, deeper ones as `(..., 2)` views.

    Rows may be strided. A plane whose samples do not lie next to each other is copied.

    Raises:
        MismatchError: the dtype is not the layout's.
    """
    _check(planes, layout.dtype)
    if layout.depth <= 8:
        return tuple(plane.view(np.uint8) for plane in planes)
    return tuple(_pairs(plane) for plane in planes)


def to_planes(tensors: Sequence[Bytes], layout: PixelLayout) -> tuple[Plane, ...]:
    """The inverse of `to_tensors`: uint8 tensors as planes of the layout's dtype, views where memory allows.

    Raises:
        MismatchError: a tensor is not uint8.
    """
    _check(tensors, np.dtype(np.uint8))
    if layout.depth <= 8:
        return tuple(tensors)
    return tuple(np.ascontiguousarray(tensor).view("<u2")[..., 0].astype(np.uint16, copy=False) for tensor in tensors)


def to_device_tensors(planes: DevicePlanes, layout: PixelLayout) -> tuple[DevicePlane, ...]:
    """What `to_tensors` gives, of planes on a device, where they are."""
    return planes.surfaces if layout.depth <= 8 else tuple(surface.as_bytes() for surface in planes.surfaces)


def to_device_planes(tensors: DevicePlanes, layout: PixelLayout) -> DevicePlanes:
    """What `to_planes` gives, of tensors on a device, where they are."""
    if layout.depth <= 8:
        return tensors
    return DevicePlanes([surface.as_words() for surface in tensors.surfaces], lambda: to_planes(tensors, layout))


def _pairs(plane: Plane) -> Bytes:
    little = plane.astype("<u2", copy=False)[..., None]
    if little.strides[-2] != little.itemsize:
        little = np.ascontiguousarray(little)
    return little.view(np.uint8)


def _check(arrays: Sequence[npt.NDArray[Any]], dtype: np.dtype[Any]) -> None:
    if any(array.dtype != dtype for array in arrays):
        raise MismatchError(f"expected {dtype} planes, got {[str(array.dtype) for array in arrays]}")
