"""Opening containers, choosing the video stream, and reading packets past whatever is broken."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from ..errors import OpenError, UnsupportedFormatError

log = logging.getLogger(__name__)

STDIN = "pipe:0"
"""FFmpeg's name for standard input."""

_TIMEOUT_SECONDS = 30.0
_BROKEN_READS_MAX = 100
_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails


def is_url(spec: str | Path) -> bool:
    """Whether FFmpeg, not the file system, is asked for it: `https://…`, `rtmp://…`, `pipe:0`."""
    return str(spec) == STDIN or "://" in str(spec)


def called(spec: str | Path) -> str:
    """What messages call it."""
    return "standard input" if str(spec) == STDIN else str(spec)


def open_container(spec: str | Path, hwaccel: HWAccel | None = None) -> InputContainer:
    """Open a file, URL or pipe for reading; with `hwaccel`, its video is decoded there where that is possible.

    Raises:
        OpenError: it is missing, unreadable, empty, or nothing that FFmpeg recognises.
    """
    if not is_url(spec):
        _check_file(Path(spec))
    try:
        timeout = _TIMEOUT_SECONDS if "://" in str(spec) else None
        container = av.open(str(spec), "r", timeout=timeout, metadata_errors="replace", hwaccel=hwaccel)
        return _by_content(container, Path(spec)) if container.format.name == "image2" else container
    except (av.InvalidDataError, av.EOFError) as error:
        raise OpenError(
            f"{called(spec)} is not a video or an image that FFmpeg can read, or the part that describes it is missing"
        ) from error
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OpenError(f"{called(spec)} cannot be opened: {reason}") from error


def _by_content(container: InputContainer, path: Path) -> InputContainer:
    """Open an image again without its name, which FFmpeg would trust (`photo.png` that is a JPEG, `50%.png`)."""
    container.close()
    return av.open(io.BytesIO(path.read_bytes()), "r", metadata_errors="replace")


def _check_file(path: Path) -> None:
    if not path.exists():
        raise OpenError(f"{path} does not exist")
    if path.is_dir():
        raise OpenError(f"{path} is a folder, not a video")
    if not os.access(path, os.R_OK):
        raise OpenError(f"{path} cannot be opened: permission denied")
    if path.is_file() and path.stat().st_size == 0:
        raise OpenError(f"{path} is empty")


def choose_video(container: InputContainer, spec: str | Path) -> VideoStream:
    """The stream marked default; of several, or of none, the one with the largest pictures, like ffmpeg.

    Cover art and thumbnails do not count.

    Raises:
        UnsupportedFormatError: there is no video, or no decoder for it.
    """
    moving = [stream for stream in container.streams.video if not stream.disposition & _PICTURES]
    if not moving:
        kinds = sorted({"cover art" if s.type == "video" else s.type for s in container.streams})
        raise UnsupportedFormatError(f"{called(spec)} has no video, only {' and '.join(kinds) or 'empty streams'}")
    marked = [stream for stream in moving if stream.disposition & Disposition.default] or moving
    stream = max(marked, key=_extent)
    if stream.codec_context is None:
        raise UnsupportedFormatError(f"{called(spec)}: FFmpeg has no decoder for the video in stream {stream.index}")
    return stream


def _extent(stream: VideoStream) -> tuple[int, int]:
    """Pixels, then frames: an animated AVIF has its first picture as a stream of its own."""
    context = stream.codec_context
    return (context.width * context.height if context is not None else 0), stream.frames


def discard_others(container: InputContainer, stream: VideoStream) -> None:
    """Have the demuxer skip what is not `stream`, where it can."""
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all


def read_packets(
    container: InputContainer, stream: VideoStream, skip: Callable[[], None]
) -> Iterator[av.Packet[VideoStream]]:
    """Packets of `stream` to the end, then the empty one that flushes the decoder.

    A broken read is reported through `skip` and tried again behind the damage, until too many fail in a row. A device
    or network that fails ends the stream.
    """
    broken = 0
    while broken < _BROKEN_READS_MAX:
        try:
            for packet in container.demux(stream):
                broken = 0
                yield packet
        except OSError as error:
            skip()
            log.warning("%s ends early: %s", called(container.name), error)
            return
        except av.FFmpegError:
            skip()
            broken += 1
        else:
            return
