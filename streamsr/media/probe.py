"""What is in a file: for `streamsr info` and for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import AttachmentStream, Disposition, Stream
from av.video.stream import VideoStream

from ..errors import MediaError
from .colors import read_color
from .demux import open_container
from .describe import frame_rate
from .side_data import rotation_degrees
from .source import FileSource

Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Probe:
    """The contents of a file, in plain values ready for JSON."""

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
        lines += [f"  stream {stream['index']}: {_words(stream, 'index')}" for stream in self.streams]
        lines += [f"  chapter {c['start']:.3f} to {c['end']:.3f} s: {c['title']}" for c in self.chapters]
        lines += [f"  {key}: {value}" for key, value in self.metadata.items()]
        return "\n".join([*lines, f"  video: {_words(self.video)}"])


def _words(report: Report, *hidden: str) -> str:
    """`type video, codec h264, width 64, …`: what is known, without what is unknown or empty."""
    known = {key: value for key, value in report.items() if key not in hidden and value not in (None, "", [], {})}
    values = {k: _words(v).replace(", ", " ") if isinstance(v, dict) else _item(v) for k, v in known.items()}
    return ", ".join(f"{key} {value}" for key, value in values.items() if value != "unknown")


def _item(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)


def probe(spec: str | Path) -> Probe:
    """What is in a file or URL.

    Raises:
        OpenError: it cannot be opened.
    """
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
    context = stream.codec_context
    report: Report = {
        "index": stream.index,
        "type": stream.type,
        "codec": context.name if context is not None else None,
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
    try:
        info = source.info
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
            "interlaced": source.interlaced,
        }
    finally:
        source.close()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return float(value)
