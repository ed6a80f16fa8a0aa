"""Which encoder, layout and colour an image file gets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..color import Color
from ..errors import ConfigError, UnknownNameError
from ..frame import VideoInfo
from .options import WriteOptions
from .plan import VideoPlan, plan_from

IMAGE_CODECS = {".png": "png", ".jpg": "mjpeg", ".jpeg": "mjpeg", ".webp": "libwebp", ".tif": "tiff", ".tiff": "tiff"}
"""By file suffix. PNG, WebP and TIFF are written lossless; JPEG so that nobody sees the difference."""


def plan_image(path: Path, info: VideoInfo, options: WriteOptions) -> VideoPlan:
    """The plan for files named like `path`.

    Raises:
        UnknownNameError: the suffix is none of `IMAGE_CODECS`.
        ConfigError: another codec was asked for: an image's suffix says what it is.
        UnsupportedFormatError: the layout asked for, or the size, is impossible in such a file.
    """
    codec = image_codec(path)
    if options.codec not in (None, codec):
        raise ConfigError(f"{path.suffix} files are written by {codec}, not by {options.codec}; leave the codec out")
    plan = plan_from([codec], info, options, info.time_base)
    if codec == "mjpeg":
        color = _jfif(info.color)
    elif plan.layout.family != "yuv":
        color = replace(plan.color, range="pc")  # PNG, WebP and TIFF know no other RGB or gray
    else:
        return plan
    return replace(plan, color=color, setup=replace(plan.setup, color=color))


def image_codec(path: Path) -> str:
    """The encoder for files named like `path`.

    Raises:
        UnknownNameError: the suffix is none of `IMAGE_CODECS`.
    """
    suffix = path.suffix.lower()
    if suffix not in IMAGE_CODECS:
        raise UnknownNameError("image format", suffix or path.name, IMAGE_CODECS)
    return IMAGE_CODECS[suffix]


def _jfif(color: Color) -> Color:
    """The colour every JPEG file is in (JFIF 1.02): BT.601, full range, chroma between the luma samples."""
    return replace(color, matrix="bt470bg", range="pc", siting="center")
