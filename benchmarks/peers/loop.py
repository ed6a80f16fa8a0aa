"""The plain loop: decode, enlarge, encode, one frame after the other, as everybody writes it."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator

import av
import numpy as np

from ..common import Cost

Upscale = Callable[[av.VideoFrame], av.VideoFrame]
"""A decoded frame, 8-bit 4:2:0, to one of twice the size."""

FRAMES_LEAST = 5


class Loop:
    """One way to enlarge a frame, in that loop (`Job`)."""

    def __init__(self, upscale: Upscale) -> None:
        self._upscale = upscale

    def luma(self, clip: str, count: int) -> Iterator[np.ndarray]:
        """See `Job.luma`."""
        with av.open(clip) as source:
            for frame in itertools.islice(source.decode(video=0), count):
                plane = self._upscale(frame).reformat(format="yuv420p").planes[0]
                yield np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]

    def run(self, clip: str, seconds: float) -> Cost:
        """See `Job.run`."""
        list(self.luma(clip, 1))  # what compiles on first use has compiled
        wall, cpu = time.perf_counter(), time.process_time()
        with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
            frames = self._copy(clip, file.name, wall + seconds)
        return Cost(frames, time.perf_counter() - wall, time.process_time() - cpu)

    def _copy(self, clip: str, target: str, until: float) -> int:
        """The frames of `clip`, enlarged, as x264 in `target`; how many there were when the time was up."""
        frames = 0
        with av.open(clip) as source, av.open(target, "w") as sink:
            video = source.streams.video[0]
            video.thread_type = "AUTO"
            output = sink.add_stream("libx264", video.average_rate, options={"crf": "20", "preset": "veryfast"})
            output.width, output.height, output.pix_fmt = 2 * video.width, 2 * video.height, "yuv420p"
            for frame in source.decode(video):
                sink.mux(output.encode(self._upscale(frame)))
                frames += 1
                if frames >= FRAMES_LEAST and time.perf_counter() > until:
                    break
            sink.mux(output.encode(None))
        return frames
