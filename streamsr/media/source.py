"""A video (or image) that FFmpeg reads, as a `Source`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av

from ..frame import Frame, VideoInfo
from .convert import frame_planes
from .decoder import Decoder, seekable
from .demux import called
from .describe import describe, origin
from .filters import deinterlace, one_size
from .hwaccel import tell_download
from .read_options import ReadOptions
from .surfaces import can_stay, planes_there, stays
from .timing import Clock, in_order, refine

__all__ = ["FileSource", "ReadOptions", "open_file"]

log = logging.getLogger(__name__)

_SEEK_MARGINS = (0, 2, 10)
"""Seconds to seek ahead of the wanted time, in turn, until the first decoded frame is early enough."""


class FileSource:
    """Frames of the default video stream of a file, URL or pipe (`Source`).

    `info` is complete before iteration: the first frame is decoded to learn the true layout, colour and metadata.

    Args:
        spec: a path, a URL FFmpeg knows, or `demux.STDIN`.
        options: which part, and how.

    Raises:
        OpenError: it cannot be opened (also an `OSError`).
        UnsupportedFormatError: no video in it, no decoder for it, or pictures too large.
        DecodeError: not one frame can be decoded.
    """

    def __init__(self, spec: str | Path, options: ReadOptions | None = None) -> None:
        self._options = options or ReadOptions()
        self._decoder = Decoder(spec, self._options.threads, self._options.hwaccel)
        try:
            self._first = self._decoder.first()
            self._ahead = [self._first]
            self._info = self._describe()
            if self._options.resident and (device := self._decoder.device) is not None:
                self._settle(device)
        except BaseException:
            self.close()
            raise

    def _describe(self) -> VideoInfo:
        container, stream = self._decoder.container, self._decoder.stream
        info = describe(container, stream, self._first)
        beginning = Fraction(container.start_time or 0, av.time_base)
        start, end = (None if t is None else beginning + t for t in (self._options.start, self._options.end))
        info = replace(_part(info, self._options), start=start, end=end, partial=self._options.frames is not None)
        if info.still:
            return info
        if (file := origin(self._decoder.spec)) is not None:
            return replace(info, container=file, video_stream=stream.index)
        if len(container.streams) > 1:
            log.warning("%s is not a file: only its video is read", called(self._decoder.spec))
        return info

    def _settle(self, device: str) -> None:
        """Have the frames stay where they are decoded, unless something needs them on the host."""
        info = self._info
        if not can_stay(info.layout.name, info.width, info.height):
            tell_download(f"{info.width}x{info.height} {info.layout} does not stay on the GPU")
        elif self._options.deinterlace and self.interlaced:
            tell_download("they are interlaced, and that is mended there")
        elif not seekable(self._decoder.spec):
            tell_download(f"{called(self._decoder.spec)} can be opened only once")
        else:
            self._ahead.clear()  # the decoder begins again in any case
            stayed = self._decoder.stay()
            self._ahead.append(self._decoder.first() if stayed is None else stayed)
            self._info = replace(info, device=None if stayed is None else device)

    @property
    def info(self) -> VideoInfo:
        """What is known before the first frame."""
        return self._info

    @property
    def skipped(self) -> int:
        """Damaged packets and frames left out so far."""
        return self._decoder.skipped

    @property
    def interlaced(self) -> bool:
        """Whether the first frame consists of two fields."""
        return bool(self._first.interlaced_frame)

    def __iter__(self) -> Iterator[Frame]:
        info = self._info
        frames = self._decoded()
        if self._options.deinterlace:
            frames = deinterlace(frames)
        frames = one_size(frames, info.width, info.height, info.layout.name, called(self._decoder.spec))
        left = self._options.frames
        for frame in self._selected(self._timed(frames)):
            yield frame
            if left is not None and (left := left - 1) == 0:
                return

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Decoded frames from the wanted part on, with at most a few seconds ahead of it."""
        start, spec = self._info.start, self._decoder.spec
        ahead, self._ahead = self._ahead, []  # what stays on the GPU takes up room there
        if not start or not seekable(spec):
            return chain(ahead, self._decoder.frames())
        for margin in _SEEK_MARGINS:
            try:
                self._decoder.seek(start - margin)
            except av.FFmpegError:
                break
            frames = self._decoder.frames()
            found = next(frames, None)
            if found is None or found.pts is None or found.time_base is None:
                break
            if found.pts * found.time_base <= start:
                return chain([found], frames)
        self._decoder.restart()
        return self._decoder.frames()

    def _timed(self, frames: Iterator[av.VideoFrame]) -> Iterator[Frame]:
        info, stream = self._info, self._decoder.stream
        finer = refine(stream.time_base or info.time_base)
        clock = Clock(info.time_base, info.frame_rate or self._options.frame_rate)
        for frame, pts in self._with_pts(frames):
            moment = clock.next(*(None if t is None else t * finer for t in (pts, frame.dts, frame.duration)))
            there = stays(frame, info.width, info.height, info.layout.name)
            planes = planes_there(frame, info.layout) if there else frame_planes(frame, info.layout)
            yield Frame(planes, info.layout, moment.pts, info.time_base, moment.duration, info.color, moment.cut)

    def _with_pts(self, frames: Iterator[av.VideoFrame]) -> Iterator[tuple[av.VideoFrame, int | None]]:
        pairs = ((frame, frame.pts) for frame in frames)
        stream = self._decoder.stream
        decoding_order = self._decoder.container.format.name == "avi" and stream.codec_context.has_b_frames
        return in_order(pairs) if decoding_order else pairs

    def _selected(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Those within the wanted part; the first is a cut."""
        start, end = self._info.start, self._info.end
        begun = False
        for frame in frames:
            if start is not None and frame.time < start:
                continue
            if end is not None and frame.time >= end:
                return
            yield frame if begun else replace(frame, cut=True)
            begun = True

    def close(self) -> None:
        """Release the file; idempotent, from any thread."""
        self._decoder.close()


def _part(info: VideoInfo, options: ReadOptions) -> VideoInfo:
    """`info` with the duration and number of frames of the selected part."""
    duration, frames = info.duration, info.frames
    if duration is not None:
        duration = max(Fraction(0), min(duration, options.end or duration) - (options.start or 0))
        if frames and info.duration:
            frames = max(1, round(frames * duration / info.duration))
    if options.frames is not None:
        frames = min(frames or options.frames, options.frames)
    return replace(info, duration=duration, frames=frames)


def open_file(spec: str, options: ReadOptions) -> FileSource:
    """Whatever FFmpeg can open: the last resort of `open_source`."""
    return FileSource(spec, options)
