"""Clips made by real encoders, with known pixels: a square moving over gradients, every frame another."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from streamsr.color import Color
from streamsr.layout import LAYOUTS, PixelLayout, pixel_layout

Planes = tuple[np.ndarray, ...]

LOSSLESS = {"codec": "ffv1"}
"""`make_clip(path, **LOSSLESS)`: decoding gives back the very planes that `make_clip` returns."""

_COLOR_OPTIONS = {"matrix": "colorspace", "range": "color_range", "primaries": "color_primaries"}
_COLOR_OPTIONS |= {"transfer": "color_trc", "siting": "chroma_sample_location"}

ROTATE_90 = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
"""A display matrix: players show the picture a quarter turn clockwise."""


def picture(index: int, width: int, height: int, layout: PixelLayout) -> Planes:
    """Planes of frame `index`: smooth gradients that drift, and a square that moves."""
    planes = []
    for number, letters in enumerate(layout.planes):
        rows, columns = layout.plane_shape(number, width, height)[:2]
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float64)
        stack = [_component(index, "YUVRGBAX".index(letter), x / columns, y / rows) for letter in letters]
        samples = np.rint(np.stack(stack, axis=-1) * layout.peak).astype(layout.dtype) << layout.shift
        planes.append(samples if len(letters) > 1 else samples[..., 0])
    return tuple(planes)


def _component(index: int, number: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    phase = 0.05 * index + 0.13 * number
    value = 0.5 + 0.2 * np.sin(2 * np.pi * (x + phase)) + 0.2 * np.cos(2 * np.pi * (y * (1 + number % 2) - phase))
    left, top = (0.1 + 0.07 * index) % 0.75, (0.2 + 0.05 * index) % 0.75
    square = (x >= left) & (x < left + 0.25) & (y >= top) & (y < top + 0.25)
    return np.where(square, (0.95 - 0.1 * number) * np.ones_like(x), value)


def video_frame(planes: Planes, layout: PixelLayout) -> av.VideoFrame:
    """An `av.VideoFrame` holding `planes`, written row by row: nothing of the code under test."""
    height, width = planes[0].shape[:2]
    frame = av.VideoFrame(width, height, layout.name)
    for target, source in zip(frame.planes, planes, strict=True):
        rows = np.ascontiguousarray(source).reshape(source.shape[0], -1).view(np.uint8)
        padded = np.zeros((target.buffer_size // target.line_size, target.line_size), np.uint8)
        padded[: rows.shape[0], : rows.shape[1]] = rows
        target.update(padded.tobytes())
    return frame


@dataclass(kw_only=True)
class Clip:
    """What to make. Every field has a default; `make_clip` takes the same names."""

    width: int = 64
    height: int = 48
    frames: int = 12
    rate: Fraction = Fraction(25)
    codec: str | None = None
    """An encoder; by default the container's usual one."""
    pix_fmt: str = "yuv420p"
    """What the encoder is given; a format outside `LAYOUTS` is converted to from the nearest one within."""
    source: str | None = None
    """The layout the returned planes are in, when `pix_fmt` is not one of `LAYOUTS`."""
    options: Mapping[str, str] = field(default_factory=dict)
    pts: Sequence[int | None] | None = None
    """Ticks of `time_base`, one a frame; by default 0, 1, 2, … of 1 / `rate`."""
    time_base: Fraction | None = None
    color: Color | None = None
    sar: Fraction | None = None
    display_matrix: tuple[int, ...] | None = None
    audio: int = 0
    """Tracks of a tone, each of another pitch and language (eng, deu, …), the second one default."""
    audio_codec: str | None = None
    audio_seconds: float | None = None
    subtitles: bool = False
    chapters: Sequence[tuple[float, float, str]] = ()
    attachments: Sequence[tuple[str, str, bytes]] = ()
    """(name, MIME type, content); Matroska only."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    cover_art: bool = False
    container_options: Mapping[str, str] = field(default_factory=dict)
    format: str | None = None
    prepare: Callable[[VideoStream], None] | None = None
    """Last word on the video stream before it opens."""
    picture: Callable[[int, int, int, PixelLayout], Planes] = picture


def make_clip(path: Path | str | io.BytesIO, **fields: Any) -> list[Planes]:
    """Encode a clip to `path` and return the planes the encoder was given, frame by frame. Keywords: see `Clip`."""
    clip = Clip(**fields)
    layout = pixel_layout(clip.source or clip.pix_fmt) if (clip.source or clip.pix_fmt) in _NAMES else LAYOUTS["gbrp"]
    pictures = [clip.picture(i, clip.width, clip.height, layout) for i in range(clip.frames)]
    target = path if isinstance(path, io.BytesIO) else str(path)
    with av.open(target, "w", format=clip.format, container_options=dict(clip.container_options)) as out:
        out.metadata.update(clip.metadata)
        video = _add_video(out, clip)
        tracks = _add_tracks(out, clip)
        if clip.chapters:
            out.set_chapters([_chapter(i, *chapter) for i, chapter in enumerate(clip.chapters)])
        for track in tracks:
            track(out)
        for packet in _encode(video, clip, layout, pictures):
            out.mux(packet)
    return pictures


_NAMES = set(LAYOUTS) | {name.removesuffix("le") for name in LAYOUTS}


def _add_video(out: OutputContainer, clip: Clip) -> VideoStream:
    stream = out.add_stream(clip.codec or out.default_video_codec, rate=clip.rate, options=dict(clip.options))
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, clip.pix_fmt
    context = stream.codec_context
    context.thread_count = 1
    time_base = clip.time_base or 1 / clip.rate
    context.time_base = stream.time_base = time_base
    for name, option in _COLOR_OPTIONS.items():
        if clip.color is not None and getattr(clip.color, name) != "unknown":
            context.options = {**context.options, option: getattr(clip.color, name)}
    if clip.sar is not None:
        context.sample_aspect_ratio = clip.sar
    if clip.display_matrix is not None:
        stream.set_display_matrix(clip.display_matrix)
    if clip.prepare is not None:
        clip.prepare(stream)
    return stream


def _encode(video: VideoStream, clip: Clip, layout: PixelLayout, pictures: list[Planes]) -> list[av.Packet]:
    packets = []
    for index, planes in enumerate(pictures):
        frame = video_frame(planes, layout)
        if clip.pix_fmt.removesuffix("le") != layout.name.removesuffix("le"):
            frame = frame.reformat(format=clip.pix_fmt)
        frame.time_base = clip.time_base or 1 / clip.rate
        frame.pts = clip.pts[index] if clip.pts is not None else index
        packets += video.encode(frame)
    return packets + video.encode(None)


Track = Callable[[OutputContainer], None]


def _add_tracks(out: OutputContainer, clip: Clip) -> list[Track]:
    """Declare every other stream (before the first packet), and return what fills each."""
    seconds = clip.audio_seconds or float(clip.frames / clip.rate)
    tracks = [_tone(out, clip, i, seconds) for i in range(clip.audio)]
    if clip.subtitles:
        tracks.append(_subtitles(out))
    if clip.cover_art:
        tracks.append(_cover(out))
    for name, mime, content in clip.attachments:
        out.add_attachment(name, mime, content)
    return tracks


def _tone(out: OutputContainer, clip: Clip, index: int, seconds: float) -> Track:
    stream = out.add_stream(clip.audio_codec or out.default_audio_codec, rate=48000)
    stream.codec_context.layout = "mono"
    stream.metadata["language"] = ("eng", "deu", "fra")[index % 3]
    stream.disposition = av.stream.Disposition.default if index == 1 else av.stream.Disposition(0)
    wave = np.sin(2 * np.pi * (440 + 220 * index) / 48000 * np.arange(int(seconds * 48000)))

    def fill(out: OutputContainer) -> None:
        samples = (wave * 8000).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
        resampler = av.AudioResampler(
            stream.codec_context.format or "fltp", "mono", 48000, frame_size=stream.codec_context.frame_size or 1024
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))

    return fill


def _subtitles(out: OutputContainer) -> Track:
    srt = io.BytesIO(b"1\n00:00:00,040 --> 00:00:00,200\nHello\n\n2\n00:00:00,240 --> 00:00:00,400\nWorld\n")
    source = av.open(srt, "r", format="srt")
    return _copy(out, source, "eng")


def _cover(out: OutputContainer) -> Track:
    jpeg = io.BytesIO()
    make_clip(jpeg, width=32, height=32, frames=1, codec="mjpeg", pix_fmt="yuvj420p", source="yuv420p", format="mjpeg")
    source = av.open(io.BytesIO(jpeg.getvalue()), "r", format="jpeg_pipe")
    fill = _copy(out, source, None)
    out.streams[-1].disposition = av.stream.Disposition.attached_pic
    return fill


def _copy(out: OutputContainer, source: InputContainer, language: str | None) -> Track:
    stream = out.add_stream_from_template(source.streams[0])
    if language:
        stream.metadata["language"] = language

    def fill(out: OutputContainer) -> None:
        for packet in source.demux():
            if packet.size:
                packet.stream = stream
                out.mux(packet)
        source.close()

    return fill


def _chapter(index: int, start: float, end: float, title: str) -> Any:
    ticks = {"start": int(start * 1000), "end": int(end * 1000), "time_base": Fraction(1, 1000)}
    return {"id": index, **ticks, "metadata": {"title": title}}
