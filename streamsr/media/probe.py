"""What is in a file: for `streamsr info` and for people."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import AttachmentStream, Disposition, Stream
from av.video.stream import VideoStream

from ..errors import MediaError, OpenError
from ..frame import VideoInfo
from .colors import read_color
from .containers import codec_context, codec_name
from .demux import open_container
from .describe import frame_rate
from .images import ImageSequence, open_folder, open_pattern
from .listing import Report, chapter_line, metadata_lines, reading_line, stream_line
from .read_options import ReadOptions
from .side_data import rotation_degrees
from .source import FileSource


@dataclass(frozen=True, slots=True)
class Probe:
    """The contents of a file or of a row of images, in plain values ready for JSON."""

    file: str
    container: str
    duration: float | None
    """Seconds."""
    start: float | None
    """Seconds on the container's clock at which it begins."""
    bit_rate: int | None
    metadata: dict[str, str]
    streams: list[Report]
    chapters: list[Report]
    video: Report
    """What streamsr would read (size, layout, colour, rotation, HDR, …), or the `error` it would meet."""

    def to_dict(self) -> Report:
        """All of it as one JSON object."""
        return asdict(self)

    def describe(self) -> str:
        """All of it as lines for people."""
        length = "" if self.duration is None else f", {self.duration:.3f} s"
        lines = [f"{self.file}: {self.container}{length}"]
        lines += [stream_line(stream) for stream in self.streams]
        lines += [chapter_line(chapter) for chapter in self.chapters]
        return "\n  ".join([*lines, *metadata_lines(self.metadata), reading_line(self.video)])


def probe(spec: str | Path) -> Probe:
    """What is in a file or URL, a folder of images, or the images a pattern such as `frame_%05d.png` names.

    Raises:
        OpenError: it cannot be opened; or it is a pipe, whose contents would be lost by looking.
        DecodeError, UnsupportedFormatError: the first image of a folder or a pattern cannot be used.
    """
    if str(spec) == "-":
        raise OpenError("a pipe can be read only once, so there is no looking into it; name a file")
    images = open_folder(str(spec), ReadOptions()) or open_pattern(str(spec), ReadOptions())
    return _probe_file(spec) if images is None else _probe_images(spec, images)


def _probe_images(spec: str | Path, images: ImageSequence) -> Probe:
    """Images have no time of their own, and nothing beside them."""
    with closing(images):
        video = _reading(images.info) | {"images": images.info.frames}
    return Probe(str(spec), "images", None, None, None, {}, [], [], video)


def _probe_file(spec: str | Path) -> Probe:
    with open_container(spec) as container:
        return Probe(
            file=str(spec),
            container=container.format.name,
            duration=_seconds(container.duration, Fraction(1, av.time_base)),
            start=_seconds(container.start_time, Fraction(1, av.time_base)),
            bit_rate=container.bit_rate or None,
            metadata=dict(container.metadata),
            streams=[_stream(stream) for stream in container.streams],
            chapters=_chapters(container),
            video=_video(spec),
        )


def _seconds(ticks: int | None, time_base: Fraction | None) -> float | None:
    return None if ticks is None or not time_base else float(ticks * time_base)


def _stream(stream: Stream) -> Report:
    context = codec_context(stream)
    report: Report = {
        "index": stream.index,
        "type": stream.type,
        "codec": codec_name(stream) if context is not None else None,
        "language": stream.language,
        "dispositions": [flag.name for flag in Disposition if stream.disposition & flag],
        "duration": _seconds(stream.duration, stream.time_base),
        "metadata": dict(stream.metadata),
    }
    if isinstance(stream, VideoStream) and context is not None:
        report |= _video_stream(stream)
    elif isinstance(stream, AudioStream) and context is not None:
        report |= {"sample_rate": stream.rate, "channels": stream.channels, "layout": stream.layout.name}
    elif isinstance(stream, AttachmentStream):
        report |= {"name": stream.name, "mimetype": stream.mimetype, "size": len(stream.data)}
    return report


def _video_stream(stream: VideoStream) -> Report:
    rate, sar, color = frame_rate(stream), stream.sample_aspect_ratio, read_color(stream.codec_context)
    return {
        "width": stream.width,
        "height": stream.height,
        "pix_fmt": stream.pix_fmt,
        "fps": str(rate) if rate else None,
        "sar": str(sar) if sar else None,
        "frames": stream.frames or None,
        "profile": stream.profile,
        "color": asdict(color),
    }


def _chapters(container: InputContainer) -> list[Report]:
    return [
        {
            "title": chapter["metadata"].get("title", ""),
            "start": _seconds(chapter["start"], chapter["time_base"]),
            "end": _seconds(chapter["end"], chapter["time_base"]),
        }
        for chapter in container.chapters()
    ]


def _video(spec: str | Path) -> Report:
    try:
        source = FileSource(spec)
    except MediaError as error:
        return {"error": str(error)}
    with closing(source):
        return _reading(source.info) | {"interlaced": source.interlaced}


def _reading(info: VideoInfo) -> Report:
    return {
        "stream": info.video_stream,
        "size": f"{info.width}x{info.height}",
        "layout": info.layout.name,
        "color": asdict(info.color),
        "sar": str(info.sar),
        "rotation": rotation_degrees(info.display_matrix),
        "mastering": _plain(asdict(info.mastering)) if info.mastering else None,
        "content_light": asdict(info.content_light) if info.content_light else None,
        "still": info.still,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return float(value)
