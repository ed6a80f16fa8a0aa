"""Pixel layouts: how the samples of a picture lie in its planes.

Names are FFmpeg's `pix_fmt` names. A layout says which components each plane holds, how deep they are, and by
how much chroma is subsampled; everything else (shapes, dtypes) follows. Formats that are not in the table
(palettes, packed YUV, floats, big-endian) are converted to the nearest one that is when they are decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .errors import UnknownNameError

Family = Literal["yuv", "rgb", "gray"]


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """One pixel format. Planes are numpy arrays `(rows, columns)`, or `(rows, columns, components)` when packed."""

    name: str
    """FFmpeg's name, for example `yuv420p10le`."""
    planes: tuple[str, ...]
    """The components of each plane in memory order: `("Y", "UV")` for nv12, `("RGBA",)`; `X` is padding."""
    depth: int = 8
    """Significant bits of a sample; more than 8 are stored in 16."""
    sub_x: int = 0
    """log2 of the horizontal chroma subsampling: 1 for 4:2:0 and 4:2:2."""
    sub_y: int = 0
    """log2 of the vertical chroma subsampling: 1 for 4:2:0 and 4:4:0."""
    shift: int = 0
    """Zero bits below the sample in its 16-bit word: 6 for p010."""

    @property
    def family(self) -> Family:
        """Whether the samples are YUV, RGB, or luma alone."""
        letters = "".join(self.planes)
        return "rgb" if "R" in letters else "yuv" if "U" in letters else "gray"

    @property
    def alpha(self) -> bool:
        """Whether there is a transparency component."""
        return any("A" in plane for plane in self.planes)

    @property
    def peak(self) -> int:
        """The largest sample value: 255, 1023, …"""
        return (1 << self.depth) - 1

    @property
    def dtype(self) -> np.dtype[np.uint8] | np.dtype[np.uint16]:
        """dtype of a plane: uint8, or native uint16 above 8 bits."""
        return np.dtype(np.uint8) if self.depth <= 8 else np.dtype(np.uint16)

    def subsampled(self, plane: int) -> bool:
        """Whether the plane is stored at the chroma resolution."""
        return self.planes[plane][0] in "UV"

    def plane_shape(self, plane: int, width: int, height: int) -> tuple[int, ...]:
        """Shape of one plane of a `width` x `height` picture; odd sizes round chroma up."""
        if self.subsampled(plane):
            width, height = -(-width >> self.sub_x), -(-height >> self.sub_y)
        components = len(self.planes[plane])
        return (height, width) if components == 1 else (height, width, components)

    def plane_shapes(self, width: int, height: int) -> tuple[tuple[int, ...], ...]:
        """Shapes of all planes of a `width` x `height` picture."""
        return tuple(self.plane_shape(i, width, height) for i in range(len(self.planes)))

    def __str__(self) -> str:
        return self.name


_SUBSAMPLING = {"420": (1, 1), "422": (1, 0), "440": (0, 1), "444": (0, 0), "411": (2, 0), "410": (2, 2)}
_DEPTHS = (8, 9, 10, 12, 14, 16)
_YUV_DEPTHS = {"440": (8, 10, 12), "411": (8,), "410": (8,)}
_YUVA_DEPTHS = {"420": (8, 9, 10, 16), "422": (8, 9, 10, 12, 16), "444": (8, 9, 10, 12, 16)}


def _deep(stem: str, depth: int) -> str:
    return stem if depth == 8 else f"{stem}{depth}le"


def _planar() -> Iterator[PixelLayout]:
    for ratio, sub in _SUBSAMPLING.items():
        for depth in _YUV_DEPTHS.get(ratio, _DEPTHS):
            yield PixelLayout(_deep(f"yuv{ratio}p", depth), ("Y", "U", "V"), depth, *sub)
        for depth in _YUVA_DEPTHS.get(ratio, ()):
            yield PixelLayout(_deep(f"yuva{ratio}p", depth), ("Y", "U", "V", "A"), depth, *sub)
    for depth in _DEPTHS:
        yield PixelLayout(_deep("gray", depth), ("Y",), depth)
        yield PixelLayout(_deep("gbrp", depth), ("G", "B", "R"), depth)
        if depth != 9:
            yield PixelLayout(_deep("gbrap", depth), ("G", "B", "R", "A"), depth)


def _semiplanar() -> Iterator[PixelLayout]:
    for ratio, nv, p in (("420", "nv12", "p0"), ("422", "nv16", "p2"), ("444", "nv24", "p4")):
        yield PixelLayout(nv, ("Y", "UV"), 8, *_SUBSAMPLING[ratio])
        for depth in (10, 12, 16):
            yield PixelLayout(f"{p}{depth}le", ("Y", "UV"), depth, *_SUBSAMPLING[ratio], 16 - depth)
    yield PixelLayout("nv21", ("Y", "VU"), 8, 1, 1)


def _packed() -> Iterator[PixelLayout]:
    yield PixelLayout("ya8", ("YA",))
    yield PixelLayout("ya16le", ("YA",), 16)
    for order in ("RGB", "BGR"):
        yield PixelLayout(f"{order.lower()}24", (order,))
        yield PixelLayout(f"{order.lower()}48le", (order,), 16)
        yield PixelLayout(f"{order.lower()}a64le", (order + "A",), 16)
    for order in ("RGBA", "BGRA", "ARGB", "ABGR"):
        yield PixelLayout(order.lower(), (order,))
        yield PixelLayout(order.lower().replace("a", "0"), (order.replace("A", "X"),))


LAYOUTS: dict[str, PixelLayout] = {layout.name: layout for layout in (*_planar(), *_semiplanar(), *_packed())}
"""Every layout a frame graph can read and write, by FFmpeg's name."""


def pixel_layout(name: str) -> PixelLayout:
    """The layout FFmpeg calls `name`; like FFmpeg, the endianness may be left out (`yuv420p10`).

    Raises:
        UnknownNameError: no such layout, or one that streamsr does not process.
    """
    layout = LAYOUTS.get(name) or LAYOUTS.get(f"{name}le")
    if layout is None:
        raise UnknownNameError("pixel format", name, LAYOUTS)
    return layout
