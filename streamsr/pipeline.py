"""decode -> infer -> encode: three threads, two bounded queues, one way out for every failure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction

from .chain import Chain
from .cpu import CpuMeter, thread_stage
from .frame import Frame, Sink, Source, VideoInfo
from .processing import Processing
from .report import Report, StageCost, Stopwatch
from .signals import stop_on_signals

_SAMPLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    frames: int
    """Frames written so far."""
    total: int | None
    """Frames expected, when known or well estimated."""
    seconds: float
    """Wall time since the first frame was there."""
    media_seconds: Fraction
    """Length of the video written so far."""


class Pipeline:
    """One run from a source through a chain of models to a sink.

    The pipeline closes the source and the sink; the chain stays the caller's, and keeps its engines for the next run.
    """

    def __init__(
        self,
        source: Source,
        chain: Chain,
        sink: Sink,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        names: tuple[str, str] = ("", ""),
        device: str | None = None,
    ) -> None:
        """Make ready; nothing is opened before `run`.

        Args:
            source: where frames come from.
            chain: what is applied to them.
            sink: where they go to.
            on_progress: called after every frame.
            names: what the report calls input and output.
            device: where results may stay until they are encoded, `cuda:0`, if engine and encoder both work there.
        """
        self._source = source
        self._chain = chain
        self._sink = sink
        self._on_progress = on_progress
        self._device = device
        self._report = Report(*names, model=chain.name, backend="", precision="")
        self._stop = threading.Event()
        self._encoding = Stopwatch()
        self._meter = CpuMeter()
        self._started = 0.0

    def stop(self) -> None:
        """End the run after the current frame; the output is finished and kept. From any thread or signal handler."""
        self._stop.set()

    def run(self) -> Report:
        """Process every frame and publish the output.

        Ctrl-C and SIGTERM work like `stop` (a second one aborts); `Report.interrupted` tells.

        Raises:
            StreamsrError: whatever went wrong in any stage, as raised there; nothing is left under the target's name.
        """
        self._started = time.perf_counter()
        with ExitStack() as stack:
            stack.callback(self._sink.abort)  # nothing is left to abort once it is closed
            stack.callback(self._source.close)
            wanted = replace(self._chain.output_info(self._source.info), device=self._device)
            target = self._sink.negotiate(wanted)
            processing = stack.enter_context(Processing(self._source, self._chain, target))
            self._meter.sample()
            with thread_stage("encode"), stop_on_signals(self.stop):
                self._sink.open(target)
                self._write(processing, target)
                self._meter.sample()
                with self._encoding:
                    self._sink.close(truncate=self._report.interrupted or target.partial)
                self._meter.sample()
            self._account(processing)
        return self._report

    def _write(self, processing: Processing, target: VideoInfo) -> None:
        sampled = first = time.perf_counter()
        origin: Fraction | None = None
        for frame in processing:
            if origin is None:
                first, origin = time.perf_counter(), frame.time
                self._report.startup_seconds = first - self._started
            with self._encoding:
                self._sink.write(frame)
            self._report.frames += 1
            now = time.perf_counter()
            if now - sampled > _SAMPLE_SECONDS:
                self._meter.sample()
                sampled = now
            if self._on_progress:
                self._on_progress(Progress(self._report.frames, target.frames, now - first, _shown(frame, origin)))
            if self._stop.is_set():
                self._report.interrupted = True
                return

    def _account(self, processing: Processing) -> None:
        report, cpu = self._report, self._meter.seconds()
        spec = processing.engine.spec
        report.backend, report.precision, report.device = spec.backend, spec.precision, spec.device
        report.seconds = time.perf_counter() - self._started
        report.fps = report.frames / report.seconds
        report.duplicates = processing.inference.duplicates
        report.skipped = self._source.skipped + self._sink.skipped
        busy = {
            "decode": processing.decoding.seconds,
            "infer": processing.inference.busy.seconds,
            "encode": self._encoding.seconds,
            "process": report.seconds,
        }
        scale = 1000 / max(1, report.frames)
        report.stages = {name: StageCost(wall * scale, cpu.get(name, 0.0) * scale) for name, wall in busy.items()}


def _shown(frame: Frame, origin: Fraction) -> Fraction:
    """Seconds of video from `origin` to the end of `frame`."""
    return frame.time - origin + (frame.duration or 0) * frame.time_base
