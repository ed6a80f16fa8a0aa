"""The containers streamsr writes, and what each can hold: asked of FFmpeg's muxers, not guessed from a table."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition, Stream

from ..errors import UnknownNameError

MILLISECOND = Fraction(1, 1000)
_FINEST_TIMESCALE = 1 << 31


@dataclass(frozen=True, slots=True)
class Container:
    """One kind of file. Codecs are in order of preference: the first that loses nothing of the picture is taken."""

    muxer: str
    """FFmpeg's name of the format."""
    codecs: tuple[str, ...]
    """For 8-bit pictures."""
    deep_codecs: tuple[str, ...]
    """For deeper ones."""
    tick: Fraction | None = None
    """Seconds per tick of every stream, where the format fixes it."""
    text: str | None = None
    """The codec that text subtitles are turned into when they cannot be copied."""

    def time_base(self, wanted: Fraction) -> Fraction:
        """The ticks in which a video stream of `wanted` ticks is stored."""
        if self.tick is not None:
            return self.tick
        return wanted if wanted.denominator < _FINEST_TIMESCALE else Fraction(1, 1_000_000)


_MP4 = Container("mp4", ("libx264", "libx265"), ("libx265", "libx264"), text="mov_text")
CONTAINERS: dict[str, Container] = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": Container("mov", ("libx264", "libx265", "prores_ks"), ("libx265", "libx264", "prores_ks"), text="mov_text"),
    ".mkv": Container(
        "matroska", ("libx264", "libx265", "ffv1"), ("libx265", "libx264", "ffv1"), MILLISECOND, text="subrip"
    ),
    ".webm": Container("webm", ("libsvtav1", "libvpx-vp9"), ("libsvtav1", "libvpx-vp9"), MILLISECOND, text="webvtt"),
}
"""By file suffix."""


def container_for(path: Path) -> Container:
    """The container that the suffix of `path` names.

    Raises:
        UnknownNameError: a suffix that is not one of `CONTAINERS`.
    """
    suffix = path.suffix.lower()
    if suffix not in CONTAINERS:
        raise UnknownNameError("output format", suffix or path.name, CONTAINERS)
    return CONTAINERS[suffix]


def holds(muxer: str, stream: Stream) -> bool:
    """Whether a file of format `muxer` can hold `stream` of another file as it is; found by writing a header."""
    try:
        out = av.open(io.BytesIO(), "w", format=muxer, metadata_errors="surrogateescape")
        copy_stream(out, stream)
        out.start_encoding()
        out.close()
    except (ValueError, OSError, av.FFmpegError):  # PyAV's own checks, and the muxer's
        return False
    return True


def copy_stream(out: av.container.OutputContainer, template: Stream) -> Stream:
    """Add a stream to `out` for the packets of `template`, with its parameters, metadata and dispositions.

    Raises:
        ValueError, av.FFmpegError: the format cannot hold it (some formats say so only when the header is written).
    """
    stream = out.add_stream_from_template(template, opaque=True)
    stream.metadata.update(template.metadata)
    stream.disposition = template.disposition
    stream.time_base = template.time_base
    return stream


def is_cover(stream: Stream) -> bool:
    """Whether a video stream is a picture of the whole (cover art), not a part of the film."""
    pictures = Disposition.attached_pic | Disposition.timed_thumbnails
    return stream.type == "video" and bool(stream.disposition & pictures)


def describe(stream: Stream) -> str:
    """A stream in words, for a message: `stream 2 (subtitle, hdmv_pgs_subtitle, eng)`."""
    parts = ["cover art" if is_cover(stream) else stream.type, codec_name(stream), stream.language]
    return f"stream {stream.index} ({', '.join(part for part in parts if part and part != 'und')})"


def codec_context(stream: Stream) -> Any:
    """The codec context of a stream; None (which PyAV's stubs do not tell) where FFmpeg has no codec for it."""
    return stream.codec_context


def codec_name(stream: Stream) -> str:
    """FFmpeg's name of the codec a stream is in, as `ffprobe` prints it; `unknown` when it has none."""
    context = codec_context(stream)
    name: str | None = context.codec.canonical_name if context is not None else getattr(stream, "name", None)
    return name or "unknown"
