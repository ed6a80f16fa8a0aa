"""Reading back what a sink wrote, with FFmpeg alone: packets, times, tags."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from streamsr.color import Color
from streamsr.frame import Frame, VideoInfo
from streamsr.layout import PixelLayout, pixel_layout
from streamsr.media.open import open_source
from streamsr.media.options import WriteOptions
from streamsr.media.read_options import ReadOptions
from streamsr.media.sink import FileSink
from tests.clips import picture


@dataclass(frozen=True)
class Sample:
    """One packet: its bytes, and its times in seconds."""

    data: bytes
    pts: Fraction | None
    dts: Fraction | None
    duration: Fraction
    keyframe: bool


def samples(path: Path) -> dict[int, list[Sample]]:
    """Every packet of every stream, by stream index."""
    found: dict[int, list[Sample]] = {}
    with av.open(str(path)) as container:
        for stream in container.streams:
            found[stream.index] = []
        for packet in container.demux():
            if packet.size:
                found[packet.stream.index].append(_sample(packet))
    return found


def _sample(packet: av.Packet[Any]) -> Sample:
    tick = packet.time_base
    pts, dts = (None if t is None else t * tick for t in (packet.pts, packet.dts))
    return Sample(bytes(packet), pts, dts, (packet.duration or 0) * tick, packet.is_keyframe)


def streams(path: Path, kind: str) -> list[int]:
    """Indices of the streams of one kind (`audio`, `video`, …), the main video not among them."""
    with av.open(str(path)) as container:
        main = container.streams.best("video")
        return [s.index for s in container.streams if s.type == kind and (main is None or s.index != main.index)]


def stored_order(path: Path) -> list[tuple[int, Fraction]]:
    """(stream, decoding time) of every packet, in the order in which they lie in the file."""
    with av.open(str(path)) as container:
        packets = [p for p in container.demux() if p.size and p.dts is not None and p.pos is not None]
        packets.sort(key=lambda packet: packet.pos)
        return [(packet.stream.index, packet.dts * packet.time_base) for packet in packets]


def frames(layout: str | PixelLayout, count: int = 6, **given: Any) -> tuple[VideoInfo, list[Frame]]:
    """A stream of pictures. Keywords: fields of `VideoInfo`, `pts` (ticks) and `durations`."""
    layout = layout if isinstance(layout, PixelLayout) else pixel_layout(layout)
    pts: Iterable[int] = given.pop("pts", range(count))
    durations = given.pop("durations", [1] * count)
    fields = {"width": 64, "height": 48, "time_base": Fraction(1, 25), "frame_rate": Fraction(25), **given}
    info = VideoInfo(layout=layout, **fields)
    made = [
        Frame(picture(i, info.width, info.height, layout), layout, tick, info.time_base, duration, info.color)
        for i, (tick, duration) in enumerate(zip(pts, durations, strict=True))
    ]
    return info, made


def write(sink: Any, info: VideoInfo, pictures: Iterable[Frame]) -> VideoInfo:
    """Run a sink to its end; pictures are redrawn in the layout it negotiates."""
    target = sink.negotiate(info)
    sink.open(target)
    for number, frame in enumerate(pictures):
        planes = (
            frame.planes if target.layout == frame.layout else picture(number, info.width, info.height, target.layout)
        )
        sink.write(Frame(planes, target.layout, frame.pts, frame.time_base, frame.duration, target.color))
    sink.close()
    return target


def transcode(source: Path, target: Path, *, part: ReadOptions | None = None, **options: Any) -> FileSink:
    """Decode `source` and write it to `target` through `FileSink`, frames untouched."""
    reader = open_source(source, part)
    sink = FileSink(target, WriteOptions(**{"preset": "ultrafast", **options}))
    try:
        sink.open(sink.negotiate(reader.info))
        for frame in reader:
            sink.write(frame)
        sink.close()
    finally:
        sink.abort()
        reader.close()
    return sink


def info_of(path: Path) -> VideoInfo:
    """What the reading half makes of a file."""
    with contextlib.closing(open_source(path)) as source:
        return source.info


def decoded(path: Path) -> Iterator[av.VideoFrame]:
    """The frames of the main video stream."""
    with av.open(str(path)) as container:
        yield from container.decode(container.streams.best("video"))


def times(path: Path) -> list[Fraction]:
    """When each frame is shown, in seconds."""
    return [frame.pts * frame.time_base for frame in decoded(path)]


def planes_of(frame: av.VideoFrame) -> list[np.ndarray]:
    """The samples of each plane, padding cut off; formats with planes of one component only."""
    result = []
    for number, plane in enumerate(frame.planes):
        deep = frame.format.components[min(number, len(frame.format.components) - 1)].bits > 8
        dtype = np.dtype(np.uint16 if deep else np.uint8)
        rows = np.frombuffer(plane, dtype).reshape(plane.height, plane.line_size // dtype.itemsize)
        result.append(rows[:, : plane.width])
    return result


def side_data(frame: av.VideoFrame, name: str) -> bytes:
    """The bytes of one kind of side data of a frame."""
    return next((bytes(data) for data in frame.side_data if data.type.name == name), b"")


BT709 = Color("bt709", "tv", "bt709", "bt709", "left")
