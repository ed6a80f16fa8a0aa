"""What a run reads and writes: a clip through real codecs, or generated frames and no codec at all."""

from __future__ import annotations

import itertools
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import DecodeError
from ..frame import Frame, Sink, Source, VideoInfo
from ..media.create import create_sink
from ..media.open import open_source
from ..media.options import STREAM_KINDS, WriteOptions
from ..media.read_options import ReadOptions
from .scene import FRAMES_MOST, GeneratedSource, NullSink, Scene, write_scene

ENCODING = WriteOptions(
    codec="libx264", crf=20, preset="veryfast", overwrite=True, skip_streams=frozenset(STREAM_KINDS)
)
"""As real-time users encode: the fastest preset that still compresses well. Pictures only."""

_SUFFIX = ".mkv"


@dataclass(frozen=True, slots=True)
class Footage:
    """Where frames come from and go to. Small enough to be sent to another process."""

    info: VideoInfo
    frames: int
    """How many there are."""
    clip: Path | None
    """The file they are decoded from; None for frames that are generated, and encoded by nothing."""
    writing: WriteOptions = ENCODING
    reading: ReadOptions = field(default_factory=ReadOptions)

    def source(self, frames: int | None = None) -> Source:
        """The first so many frames, or all.

        Raises:
            MediaError: the clip cannot be read.
        """
        if self.clip is None:
            return GeneratedSource(Scene(self.info.width, self.info.height), min(frames or FRAMES_MOST, FRAMES_MOST))
        return open_source(self.clip, replace(self.reading, frames=frames))

    def sink(self, folder: Path) -> Sink:
        """A place in `folder` for the result, which may be there from another run."""
        return NullSink() if self.clip is None else create_sink(folder / f"out{_SUFFIX}", self.writing)

    def pictures(self, count: int) -> list[Frame]:
        """The first so many frames, in memory; at least one.

        Raises:
            DecodeError: there is none.
        """
        with closing(self.source(count)) as source:
            found = list(itertools.islice(source, count))
        if not found:
            raise DecodeError(f"there is no frame in {self.clip}")
        return found


def synthetic(width: int, height: int) -> Footage:
    """Generated frames, no decoding, no encoding."""
    return Footage(Scene(width, height).info, FRAMES_MOST, None)


def generated_clip(
    width: int, height: int, folder: Path, writing: WriteOptions = ENCODING, reading: ReadOptions | None = None
) -> Footage:
    """Generated frames, written to a file once: what is measured decodes and encodes.

    Raises:
        MediaError: the file cannot be written.
    """
    path = folder / f"{width}x{height}{_SUFFIX}"
    write_scene(path, Scene(width, height))
    return of_clip(path, writing, reading)


def of_clip(path: Path, writing: WriteOptions = ENCODING, reading: ReadOptions | None = None) -> Footage:
    """The frames of a video file, at its own size.

    Raises:
        MediaError: it cannot be read.
    """
    options = reading or ReadOptions()
    with closing(open_source(path, options)) as source:
        info = source.info
        frames = sum(1 for _ in itertools.islice(source, FRAMES_MOST))
    return Footage(info, frames, path, writing, options)


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a video file's frames.

    Raises:
        MediaError: it cannot be read.
    """
    with closing(open_source(path)) as source:
        return source.info.width, source.info.height
