"""What is known of a video before its frames are processed: container, codec and first frame, as a `VideoInfo`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from ..color import UNKNOWN, Color
from ..frame import VideoInfo
from ..layout import LAYOUTS, PixelLayout
from .colors import read_color
from .convert import conform, nearest_layout, opaque
from .gif import never_transparent
from .side_data import content_light, display_matrix, mastering_display, side_data
from .siting import measure_siting
from .timing import refine

_RATE_MAX = 1000
_MICROSECONDS = 1_000_000
_STILL_BRANDS = ("avif", "mif1", "heic", "heix")


def describe(container: InputContainer, stream: VideoStream, first: av.VideoFrame) -> VideoInfo:
    """The stream as its first frame shows it. Time base: see `timing.refine`; `container` is left to the caller.

    Raises:
        UnsupportedFormatError: its pixel format can be converted to none of `LAYOUTS`.
    """
    layout = _layout(container, stream, first)
    conform(first, first.width, first.height, layout.name)
    data = side_data(first)
    rate, duration = frame_rate(stream), stream_duration(container, stream)
    time_base = stream.time_base or Fraction(1, _MICROSECONDS)
    still = is_still(container, stream)
    return VideoInfo(
        width=first.width,
        height=first.height,
        layout=layout,
        time_base=time_base / refine(time_base),
        color=_color(container.format.name, stream, first, layout),
        frame_rate=rate,
        sar=_sar(stream),
        display_matrix=display_matrix(data),
        mastering=mastering_display(data),
        content_light=content_light(data),
        duration=None if still else duration,
        frames=1 if still else stream.frames or _estimate(rate, duration),
        still=still,
    )


def _layout(container: InputContainer, stream: VideoStream, first: av.VideoFrame) -> PixelLayout:
    file = origin(container.name)
    if stream.codec_context.name == "gif" and file is not None and never_transparent(file, first):
        return LAYOUTS["rgb24"]
    return nearest_layout(first.format.name, opaque(first))


def is_still(container: InputContainer, stream: VideoStream) -> bool:
    """Whether the file is one picture, not a video."""
    return (
        container.format.name.endswith("_pipe")
        or bool(stream.disposition & Disposition.still_image)
        or container.metadata.get("major_brand") in _STILL_BRANDS
    )


def frame_rate(stream: VideoStream) -> Fraction | None:
    """Average frames per second, where the container or the codec say something sensible."""
    rates = (stream.average_rate, stream.guessed_rate, stream.codec_context.framerate)
    return next((rate for rate in rates if rate and 0 < rate <= _RATE_MAX), None)


def stream_duration(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """Seconds, of the stream or else of the whole container."""
    if stream.duration and stream.time_base:
        return stream.duration * stream.time_base
    return Fraction(container.duration, _MICROSECONDS) if container.duration else None


def _estimate(rate: Fraction | None, duration: Fraction | None) -> int | None:
    return max(1, round(rate * duration)) if rate and duration else None


def _sar(stream: VideoStream) -> Fraction:
    for sar in (stream.sample_aspect_ratio, stream.codec_context.sample_aspect_ratio):
        if sar and sar > 0:
            return sar
    return Fraction(1)


def _color(container: str, stream: VideoStream, first: av.VideoFrame, layout: PixelLayout) -> Color:
    """The frame's tags, the codec's where the frame has none; `pc` for the formats whose name alone says it."""
    frame, codec = read_color(first), read_color(stream.codec_context)
    tags = {
        field: getattr(frame, field) if getattr(frame, field) != UNKNOWN else getattr(codec, field)
        for field in ("matrix", "range", "primaries", "transfer")
    }
    if first.format.name.startswith("yuvj"):
        tags["range"] = "pc"
    if tags["matrix"] == "gbr" and layout.family != "rgb":
        tags["matrix"] = UNKNOWN
    return Color(**tags, siting=measure_siting(first, stream.codec_context.name, container))


def origin(spec: str | Path) -> Path | None:
    """The file whose other streams can be copied beside the video: none for URLs and pipes."""
    path = Path(spec)
    return path if path.is_file() else None
