"""Uncompressed video as a `Sink`: YUV4MPEG2, to stdout or to a file."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import EncodeError, OpenError, UnsupportedFormatError
from ..frame import Frame, VideoInfo
from ..layout import LAYOUTS, PixelLayout, pixel_layout
from .fit import nearest, retag
from .options import WriteOptions
from .output import PendingFile, check_target, refuse_same_file

_log = logging.getLogger(__name__)

_SITINGS = {"center": "420jpeg", "topleft": "420paldv"}
_FALLBACK_RATE = Fraction(25)
STDOUT = "-"


class Y4mSink:
    """Writes a y4m stream to a file, or to stdout when `spec` is `-` (`Sink`).

    The format (mjpegtools, `yuv4mpeg(5)`, with FFmpeg's extensions for depth and range) knows planar YUV and gray of 8
    to 16 bits at a constant frame rate; nothing can be copied beside it. When the reader of the pipe goes away, `write`
    raises the builtin `BrokenPipeError`: the end of the run, not a failure.
    """

    skipped = 0  # nothing is copied beside the pictures

    def __init__(self, spec: str | Path, options: WriteOptions | None = None) -> None:
        self._spec = str(spec)
        self._options = options or WriteOptions()
        self._file: PendingFile | None = None
        self._stream: BinaryIO | None = None
        self._rate = _FALLBACK_RATE
        self._first: Fraction | None = None
        self._frames = 0
        self._irregular = False

    def negotiate(self, info: VideoInfo) -> VideoInfo:
        """The stream nearest to `info` that y4m can hold.

        Raises:
            OpenError: the target may not or cannot be written.
            UnsupportedFormatError: a pixel format that y4m has no name for.
        """
        if self._spec == STDOUT:
            _check_stdout()
        else:
            check_target(Path(self._spec), overwrite=self._options.overwrite)
            if info.container is not None:
                refuse_same_file(info.container, Path(self._spec))
        layout = self._layout(info.layout)
        if info.layout.alpha:
            _log.warning("y4m cannot hold transparency: the alpha channel is dropped")
        return replace(info, layout=layout, color=retag(info.color, info.layout, layout, info.height), device=None)

    def _layout(self, source: PixelLayout) -> PixelLayout:
        if self._options.pix_fmt is None:
            return nearest(source, (LAYOUTS[name] for name in LAYOUTS if _chroma_tag(LAYOUTS[name], "")))[0]
        layout = pixel_layout(self._options.pix_fmt)
        if not _chroma_tag(layout, ""):
            raise UnsupportedFormatError(f"y4m cannot hold {layout}; use planar YUV, such as --pix-fmt yuv420p")
        return layout

    def open(self, info: VideoInfo) -> None:
        """Write the header."""
        self._rate = info.frame_rate or _FALLBACK_RATE
        if self._spec == STDOUT:
            self._stream = sys.stdout.buffer
        else:
            self._file = PendingFile(Path(self._spec), overwrite=self._options.overwrite)
            self._stream = self._file.path.open("wb")
        self._put([_header(info, self._rate)])

    def write(self, frame: Frame) -> None:
        """Write one frame.

        Raises:
            BrokenPipeError: nobody reads the pipe any more.
            EncodeError: the disk refused.
        """
        if self._stream is None:
            raise EncodeError(f"{self._spec} is not open for writing")
        self._watch(frame)
        self._put([b"FRAME\n", *(np.ascontiguousarray(plane).data for plane in frame.planes)])
        self._frames += 1

    def _watch(self, frame: Frame) -> None:
        """Say once that frames do not come at the constant rate the format imposes."""
        first = self._first = frame.time if self._first is None else self._first
        expected = self._frames / self._rate
        if not self._irregular and abs(frame.time - first - expected) * self._rate > Fraction(1, 2):
            self._irregular = True
            _log.warning("y4m has a constant frame rate: the timing of this video is lost; write .mkv to keep it")

    def _put(self, pieces: Iterable[bytes | memoryview]) -> None:
        assert self._stream is not None
        try:
            for piece in pieces:
                self._stream.write(piece)
        except BrokenPipeError:
            self._stream = None
            _silence_stdout()
            raise
        except OSError as error:
            raise EncodeError(f"cannot write {self._spec}: {error.strerror}") from error

    def close(self, *, truncate: bool = False) -> None:
        """Finish: flush the pipe, or give the file its name. Idempotent.

        Raises:
            EncodeError: the disk refused.
            OpenError: a file of that name has appeared meanwhile.
        """
        del truncate  # nothing is copied beside the pictures
        stream, file = self._stream, self._file
        self._stream = self._file = None
        if stream is None:
            return
        if file is None:
            _flush_stdout()
            return
        try:
            stream.close()
        except OSError as error:
            file.discard()
            raise EncodeError(f"cannot write {self._spec}: {error.strerror}") from error
        file.publish()

    def abort(self) -> None:
        """Give up and remove what was written to a file. Idempotent; after `close` it does nothing."""
        stream, file = self._stream, self._file
        self._stream = self._file = None
        if file is not None:
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
            file.discard()
        elif stream is not None:
            _flush_stdout()


def _header(info: VideoInfo, rate: Fraction) -> bytes:
    full = {"pc": " XCOLORRANGE=FULL", "tv": " XCOLORRANGE=LIMITED"}.get(info.color.range, "")
    size, shape = f"W{info.width} H{info.height}", f"A{info.sar.numerator}:{info.sar.denominator}"
    tag = _chroma_tag(info.layout, info.color.siting)
    return f"YUV4MPEG2 {size} F{rate.numerator}:{rate.denominator} Ip {shape} C{tag}{full}\n".encode()


def _chroma_tag(layout: PixelLayout, siting: str) -> str:
    """y4m's name of a layout, with FFmpeg's tag for what old readers call otherwise; empty when it has none."""
    depth = "" if layout.depth == 8 else f"{layout.depth}"
    if layout.planes == ("Y",):
        return f"mono{depth}"
    ratio = {(1, 1): "420", (1, 0): "422", (0, 0): "444", (2, 0): "411"}.get((layout.sub_x, layout.sub_y))
    if layout.planes != ("Y", "U", "V") or ratio is None:
        return ""
    if depth:
        return f"{ratio}p{depth} XYSCSS={ratio}P{depth}"
    if ratio == "420":
        tag = _SITINGS.get(siting, "420mpeg2")
        return f"{tag} XYSCSS={tag.upper()}"
    return f"{ratio} XYSCSS={ratio}"


def _check_stdout() -> None:
    """See that standard output leads somewhere, and not onto a screen.

    Raises:
        OpenError: it is closed, or a terminal.
    """
    if sys.stdout is None:
        raise OpenError("standard output is closed; name a file to write")
    if sys.stdout.isatty():
        raise OpenError("standard output is a terminal; pipe it into a program that reads y4m, or name a file")


def _flush_stdout() -> None:
    try:
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _silence_stdout()


def _silence_stdout() -> None:
    """Point stdout nowhere, so that Python does not complain of the broken pipe once more when it exits."""
    with Path(os.devnull).open("wb") as nowhere, contextlib.suppress(OSError, ValueError):
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
