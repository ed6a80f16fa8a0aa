"""What happens to each stream beside the video: copied, converted without loss, carried otherwise, or refused."""

from __future__ import annotations

import enum
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Discard, Stream

from ..errors import OpenError, UnsupportedFormatError
from .containers import CONTAINERS, Container, codec_context, codec_name, describe, holds, is_cover

_log = logging.getLogger(__name__)

_TEXT_CODECS = ("subrip", "mov_text", "webvtt", "text")
"""Subtitles that are lines of text with simple styles: each can become any other."""


class Carriage(enum.Enum):
    """How a stream travels."""

    COPY = "its packets, bit for bit"
    TEXT = "its lines, in the container's own text codec"
    ATTACH = "its picture, as an attached file"


@dataclass(frozen=True, slots=True)
class Carried:
    """One stream of the source, and how it travels."""

    index: int
    how: Carriage


def open_beside(path: Path) -> InputContainer:
    """Open a source a second time, to read what is not its video. Broken text in metadata is kept byte for byte.

    Raises:
        OpenError: the file is not there any more, or not readable.
    """
    try:
        return av.open(str(path), "r", metadata_errors="surrogateescape")
    except (OSError, av.FFmpegError) as error:
        raise OpenError(f"cannot open {path} a second time to copy its other streams: {error}") from error


def plan_streams(
    source: InputContainer, video: int | None, container: Container, skip: frozenset[str]
) -> list[Carried]:
    """How every stream but number `video` travels into `container`; streams of the kinds in `skip` do not.

    Raises:
        UnsupportedFormatError: some cannot; all are named, with the ways out.
    """
    carried, refused = [], []
    for stream in source.streams:
        if stream.index == video or kind(stream) in skip or _told_otherwise(stream) or _is_empty(stream):
            continue
        how = _carriage(stream, container)
        if how is None:
            refused.append(stream)
        else:
            carried.append(Carried(stream.index, how))
    if refused:
        raise UnsupportedFormatError(_refusal(refused, container))
    return carried


def warn_of_empty(source: InputContainer, skip: frozenset[str]) -> None:
    """Say once which streams are announced in `source` but have nothing in them."""
    for stream in source.streams:
        if kind(stream) not in skip and _is_empty(stream):
            _log.warning("%s has no content: it is left out", describe(stream))


def kind(stream: Stream) -> str:
    """The kind of a stream, one of `options.STREAM_KINDS`."""
    return stream.type if stream.type in ("audio", "subtitle", "attachment", "video") else "data"


def _carriage(stream: Stream, container: Container) -> Carriage | None:
    if is_cover(stream) and container.muxer != "mp4":
        return Carriage.ATTACH if container.muxer == "matroska" else None
    if stream.type == "attachment" and container.muxer != "matroska":
        return None  # FFmpeg's other muxers take the stream, and write nothing of it
    if kind(stream) == "data" and not (container.tick is None and _is_quicktime(stream)):
        return None  # elsewhere the bytes would arrive, but nobody could tell what they are
    if holds(container.muxer, stream):
        return Carriage.COPY
    return Carriage.TEXT if codec_name(stream) in _TEXT_CODECS and container.text else None


def _is_quicktime(stream: Stream) -> bool:
    return "mov" in stream.container.format.name.split(",")


def _told_otherwise(stream: Stream) -> bool:
    """Whether a data stream repeats what the muxer writes by itself: QuickTime's chapter titles and time code."""
    return stream.type == "data" and (stream.discard == Discard.all or "timecode" in stream.metadata)


def _is_empty(stream: Stream) -> bool:
    """Whether a stream is announced but never comes: a sound track of no known rate, or a picture of no known size."""
    context = codec_context(stream)
    if context is None or stream.type not in ("audio", "video"):
        return False
    return not (context.sample_rate if stream.type == "audio" else context.width)


def _refusal(refused: Sequence[Stream], container: Container) -> str:
    names = ", ".join(describe(stream) for stream in refused)
    kinds = ",".join(dict.fromkeys(kind(stream) for stream in refused))
    roomy = [
        suffix
        for suffix in (".mkv", ".mp4", ".mov")
        if CONTAINERS[suffix].muxer != container.muxer and all(_carriage(s, CONTAINERS[suffix]) for s in refused)
    ]
    write = f"write {roomy[0]} instead, or " if roomy else ""
    film = " (the film itself stays)" if any(stream.type == "video" for stream in refused) else ""
    return f"{container.muxer} cannot hold {names}; {write}leave out with --skip-streams {kinds}{film}"
