"""`av.VideoFrame` to planes and back.

Reading is free of copies: planes are numpy views of the decoder's own buffers, which they keep alive. Formats outside
`LAYOUTS` (palettes, packed YUV, big-endian, floats, bit maps, mosaics) become the nearest one that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import av
import numpy as np
from av.video.reformatter import Interpolation

from ..errors import UnsupportedFormatError
from ..frame import Plane
from ..layout import LAYOUTS, PixelLayout

_EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
QUALITY = Interpolation.BICUBIC | _EXACT
"""Flags of every software scaling or conversion: exact rounding, no shortcuts in chroma."""

_ALIASES = {"yuvj411p": "yuv411p", "yuvj420p": "yuv420p", "yuvj422p": "yuv422p", "yuvj440p": "yuv440p"}
_ALIASES |= {"yuvj444p": "yuv444p", "gray8": "gray", "gray8a": "ya8"}


def native_layout(pix_fmt: str) -> PixelLayout | None:
    """The layout whose planes a decoder's `pix_fmt` has already; None when it must be converted."""
    return LAYOUTS.get(_ALIASES.get(pix_fmt, pix_fmt))


@cache
def nearest_layout(pix_fmt: str, opaque: bool = False) -> PixelLayout:
    """The layout that holds all of `pix_fmt`: same family, subsampling and alpha, the smallest depth that suffices.

    `opaque` leaves out the alpha of a format that has one but does not use it (a palette without transparency).
    """
    native = native_layout(pix_fmt) or LAYOUTS.get(pix_fmt.removesuffix("be") + "le")
    if native is not None:
        return native
    form = av.VideoFormat(pix_fmt, 64, 64)
    depth = 16 if form.is_bayer and "16" in pix_fmt else max((part.bits for part in form.components), default=8)
    alpha = not opaque and (form.has_palette or any(part.is_alpha for part in form.components))
    if form.has_palette or form.is_bayer or form.is_rgb or pix_fmt.startswith("xyz"):
        return _first_deep(("rgba", "rgba64le") if alpha else ("rgb24", "gbrp10le", "gbrp12le", "rgb48le"), depth)
    if len(form.components) <= 2:
        return _first_deep(("ya8", "ya16le") if alpha else ("gray", "gray10le", "gray12le", "gray16le"), depth)
    ratio = _RATIOS[64 // form.chroma_width(), 64 // form.chroma_height()]
    stem = f"yuva{ratio}p" if alpha else f"yuv{ratio}p"
    return _first_deep((stem, *(f"{stem}{bits}le" for bits in (10, 12, 16))), depth)


_RATIOS = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (4, 1): "411", (4, 4): "410", (1, 2): "440"}


def _first_deep(names: tuple[str, ...], depth: int) -> PixelLayout:
    layouts = [LAYOUTS[name] for name in names if name in LAYOUTS]
    return next((layout for layout in layouts if layout.depth >= depth), layouts[-1])


def opaque(frame: av.VideoFrame) -> bool:
    """Whether a palette frame shows no transparency at all."""
    if not frame.format.has_palette:
        return False
    rgba = frame.reformat(format="rgba")
    return bool((frame_planes(rgba, LAYOUTS["rgba"])[0][..., 3] == 255).all())


def frame_planes(frame: av.VideoFrame, layout: PixelLayout) -> tuple[Plane, ...]:
    """Views `(rows, columns[, components])` of the frame's planes, without a copy; they keep its buffers alive.

    `layout` is `native_layout(frame.format.name)`.
    """
    return tuple(
        _view(plane, layout.plane_shape(index, frame.width, frame.height), layout)
        for index, plane in enumerate(frame.planes)
    )


def _view(plane: av.video.plane.VideoPlane, shape: tuple[int, ...], layout: PixelLayout) -> Plane:
    item = layout.dtype.itemsize
    strides = (plane.line_size, item * int(np.prod(shape[2:], dtype=int)), item)[: len(shape)]
    return np.ndarray(shape, layout.dtype, memoryview(plane), 0, strides)


def video_frame(planes: Sequence[Plane], layout: PixelLayout) -> av.VideoFrame:
    """An `av.VideoFrame` with a copy of `planes`, for an encoder."""
    height, width = planes[0].shape[:2]
    frame = av.VideoFrame(width, height, layout.name)
    for target, source in zip(frame_planes(frame, layout), planes, strict=True):
        np.copyto(target, source, casting="no")
    return frame


def conform(frame: av.VideoFrame, width: int, height: int, pix_fmt: str) -> av.VideoFrame:
    """`frame` scaled and converted to the given size and format, its time kept; itself when it is so already.

    Raises:
        UnsupportedFormatError: swscale cannot read the format it is in.
    """
    same_form = _ALIASES.get(frame.format.name, frame.format.name) == pix_fmt
    if same_form and (frame.width, frame.height) == (width, height) and _upright(frame):
        return frame
    source = frame.color_range
    keep_range = {"src_color_range": source, "dst_color_range": source} if source in (1, 2) else {}
    try:
        result = frame.reformat(width, height, pix_fmt, interpolation=QUALITY, **keep_range)
    except av.FFmpegError as error:
        raise UnsupportedFormatError(f"pictures in {frame.format.name} cannot be converted to {pix_fmt}") from error
    result.pts, result.dts, result.duration, result.time_base = frame.pts, frame.dts, frame.duration, frame.time_base
    return result


def _upright(frame: av.VideoFrame) -> bool:
    """Rows stored bottom up (some AVI and BMP decoders) have a negative stride that no buffer view can follow."""
    return all(plane.line_size > 0 for plane in frame.planes)
