"""Frames as 8-bit RGB and back, by swscale: for training data and measurements; the frame graph never needs it."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt

from ..color import Color
from ..frame import Frame
from ..layout import LAYOUTS
from .colors import color_code, write_color
from .convert import QUALITY, frame_planes, video_frame

Rgb = npt.NDArray[np.uint8]
"""R'G'B' as displayed, full range: `(H, W, 3)`, or `(T, H, W, 3)` for a clip."""

_RGB24 = LAYOUTS["rgb24"]
_GBR = Color(matrix="gbr", range="pc")


def frame_rgb(frame: Frame) -> Rgb:
    """A frame as RGB `(H, W, 3)` uint8, by its own matrix, range and depth; alpha is left out, gray repeated.

    What the stream does not say is filled in as players do (`Color.resolved`). Transfer and primaries stay: HDR is
    not tone-mapped. Chroma is interpolated bicubically.
    """
    picture = video_frame(frame.planes, frame.layout)
    write_color(picture, frame.color.resolved(frame.layout, frame.height))
    return picture_rgb(picture)


def picture_rgb(picture: av.VideoFrame) -> Rgb:
    """The same of a decoded picture that carries its tags."""
    converted = picture.reformat(format="rgb24", interpolation=QUALITY)
    return np.array(frame_planes(converted, _RGB24)[0], np.uint8)


def rgb_picture(rgb: Rgb, pix_fmt: str, color: Color) -> av.VideoFrame:
    """RGB `(H, W, 3)` uint8 as a picture in a YUV `pix_fmt`, by the matrix and range of `color`, and tagged so."""
    picture = video_frame((rgb,), _RGB24)
    write_color(picture, _GBR)
    codes = {f"dst_color{key}": color_code(field, getattr(color, field)) for key, field in _TARGETS.items()}
    converted = picture.reformat(format=pix_fmt, interpolation=QUALITY, **codes)
    write_color(converted, color)
    return converted


_TARGETS = {"space": "matrix", "_range": "range"}
"""What swscale is told of the target: endings of PyAV's names, and fields of `Color`."""
