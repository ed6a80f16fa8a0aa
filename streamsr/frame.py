"""The vocabulary of the pipeline: a frame, and what is known of a stream of frames before the first one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .color import Color, ContentLight, MasteringDisplay
from .errors import MismatchError
from .layout import PixelLayout
from .residence import outlines

Plane = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture, as the decoder gave it. Whoever holds it may read it; nobody writes into its planes."""

    planes: Sequence[Plane]
    """Arrays of `layout.plane_shapes(width, height)` and `layout.dtype`; rows may be strided.

    Those of a `residence.DevicePlanes` lie on a device, and come to the host when they are looked at.
    """
    layout: PixelLayout
    pts: int
    """Presentation time in ticks of `time_base`; strictly increasing within a stream."""
    time_base: Fraction
    """Seconds per tick."""
    duration: int | None = None
    """Ticks the frame is shown for, when the stream says so."""
    color: Color = field(default_factory=Color)
    cut: bool = False
    """First frame after a start, a seek, a timestamp gap or a scene cut: recurrent state is reset."""

    def __post_init__(self) -> None:
        shapes = self.layout.plane_shapes(self.width, self.height)
        planes = outlines(self.planes)
        given = tuple(plane.shape for plane in planes)
        if given != shapes:
            raise MismatchError(f"a {self.layout} frame has planes {shapes}, got {given}")
        if any(plane.dtype != self.layout.dtype for plane in planes):
            dtypes = [str(plane.dtype) for plane in planes]
            raise MismatchError(f"a {self.layout} frame is {self.layout.dtype}, got {dtypes}")

    @property
    def width(self) -> int:
        """Width of the picture in pixels."""
        return int(outlines(self.planes)[0].shape[1])

    @property
    def height(self) -> int:
        """Height of the picture in pixels."""
        return int(outlines(self.planes)[0].shape[0])

    @property
    def time(self) -> Fraction:
        """Presentation time in seconds, exact."""
        return self.pts * self.time_base

    def __repr__(self) -> str:
        return f"Frame({self.width}x{self.height} {self.layout}, {float(self.time):.3f} s{', cut' if self.cut else ''})"


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """A stream of frames, as known before the first one."""

    width: int
    height: int
    layout: PixelLayout
    time_base: Fraction
    """Seconds per tick of every frame's `pts`."""
    color: Color = field(default_factory=Color)
    frame_rate: Fraction | None = None
    """Average frames per second; a hint (for an encoder, for an ETA), never used for timing."""
    sar: Fraction = Fraction(1)
    """Sample aspect ratio: width over height of one pixel as shown."""
    display_matrix: tuple[int, ...] | None = None
    """Nine 16.16 / 2.30 fixed-point numbers of FFmpeg's display matrix (row-major): how players rotate the picture."""
    mastering: MasteringDisplay | None = None
    content_light: ContentLight | None = None
    duration: Fraction | None = None
    """Seconds, when the container says so."""
    frames: int | None = None
    """Number of frames, when known or well estimated; a hint."""
    still: bool = False
    """A single picture rather than a video."""
    container: Path | None = None
    """The file whose other streams, chapters and metadata belong to this video; None for pipes, images, generators."""
    video_stream: int | None = None
    """Index in `container` of the stream the frames come from."""
    start: Fraction | None = None
    """First second of the selected part, when a part was asked for: the output's time zero."""
    end: Fraction | None = None
    """Second before which the selected part ends."""
    partial: bool = False
    """Only so many frames were asked for: the source may go on where they end."""
    device: str | None = None
    """Where the planes of its frames lie, `cuda:0`; None is the host. A hint: single frames may be on the host."""


class Source(Protocol):
    """Where frames come from. Iterate once; `close` may be called at any time, more than once, from any thread."""

    @property
    def info(self) -> VideoInfo:
        """What is known before the first frame."""
        ...

    @property
    def skipped(self) -> int:
        """Damaged packets and frames left out so far."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Yield `Frame`s in presentation order, `pts` strictly increasing."""
        ...

    def close(self) -> None:
        """Release the file or device."""
        ...


class Sink(Protocol):
    """Where frames go to. Nothing appears under the final name before `close`."""

    @property
    def skipped(self) -> int:
        """Damaged packets of copied streams left out so far."""
        ...

    def negotiate(self, info: VideoInfo) -> VideoInfo:
        """The stream nearest to `info` that this sink can hold: same size and timing, maybe other layout and colour.

        Raises:
            UnsupportedFormatError: it cannot hold such a stream, or one of the streams to be copied beside it.
        """
        ...

    def open(self, info: VideoInfo) -> None:
        """Begin a stream as `negotiate` returned it."""
        ...

    def write(self, frame: Frame) -> None:
        """Take one frame; `pts` strictly increasing."""
        ...

    def close(self, *, truncate: bool = False) -> None:
        """Finish and publish the output. Idempotent.

        `truncate`: the frames ended before their source did; what is copied beside them ends with them.
        """
        ...

    def abort(self) -> None:
        """Give up and remove whatever was written. Idempotent; after `close` it does nothing."""
        ...
