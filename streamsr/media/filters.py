"""FFmpeg filters as generators of frames: deinterlacing, and one size for a stream whose size changes."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator

import av
import av.filter

from .convert import conform
from .hwaccel import tell_download
from .surfaces import stays, to_host

log = logging.getLogger(__name__)


class FilterChain:
    """A linear chain of FFmpeg filters for frames like `example`. Each filter is (name, arguments)."""

    def __init__(self, example: av.VideoFrame, *filters: tuple[str, str]) -> None:
        graph = av.filter.Graph()
        size, form = f"{example.width}x{example.height}", example.format.name
        arguments = f"video_size={size}:pix_fmt={form}:time_base={example.time_base or '1/25'}:pixel_aspect=1/1"
        source = graph.add("buffer", arguments)
        sink = graph.add("buffersink")
        graph.link_nodes(source, *(graph.add(*each) for each in filters), sink)
        graph.configure()
        self._graph, self._source, self._sink = graph, source, sink
        self.shape = _shape(example)

    def push(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """Feed a frame, None at the end; yield what comes out."""
        self._source.push(frame)
        while True:
            try:
                result = self._sink.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(result, av.VideoFrame)
            yield result

    def through(self, frame: av.VideoFrame) -> av.VideoFrame:
        """What a filter without delay makes of one frame."""
        return next(self.push(frame))


def _shape(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name


def deinterlace(frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Interlaced frames made progressive by bwdif, one out per frame in; the others pass untouched.

    The field order is the frame's own. Nothing is set up, nothing copied, before the first interlaced frame; from then
    on the filter sees every frame, because it needs the neighbours, and sees it on the host.
    """
    chain: FilterChain | None = None
    waiting: deque[av.VideoFrame] = deque()
    for given in frames:
        frame = to_host(given) if chain is not None or given.interlaced_frame else given
        if chain is not None and chain.shape != _shape(frame):
            yield from _timed(chain.push(None), waiting)
            chain = None
        if chain is None and frame.interlaced_frame:
            chain = FilterChain(frame, ("bwdif", "mode=send_frame:parity=auto:deint=interlaced"))
            if frame is not given:
                tell_download("from the first interlaced one on, as that is mended there")
        if chain is None:
            yield frame
            continue
        waiting.append(frame)
        yield from _timed(chain.push(frame), waiting)
    if chain is not None:
        yield from _timed(chain.push(None), waiting)


def _timed(results: Iterable[av.VideoFrame], waiting: deque[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Give each result the timestamps of the frame it was made from: bwdif's own are of another time base."""
    for result in results:
        original = waiting.popleft()
        result.pts, result.dts, result.duration = original.pts, original.dts, original.duration
        result.time_base = original.time_base
        yield result


def one_size(
    frames: Iterable[av.VideoFrame], width: int, height: int, pix_fmt: str, name: str
) -> Iterator[av.VideoFrame]:
    """Frames as `width` x `height` in `pix_fmt`; a change of size midway is scaled back, and said once (of `name`)."""
    said = False
    for frame in frames:
        if not said and (frame.width, frame.height) != (width, height):
            said = True
            sizes = (width, height, frame.width, frame.height)
            log.warning("%s changes from %dx%d to %dx%d; scaled back to the first size", name, *sizes)
        there = stays(frame, width, height, pix_fmt)
        yield frame if there else conform(to_host(frame), width, height, pix_fmt)
