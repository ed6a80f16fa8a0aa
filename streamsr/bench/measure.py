"""One round of one row, in a process of its own: the engine alone, frame by frame, and the whole pipeline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

from ..engines.base import Array, Engine
from ..engines.runner import stream
from ..graph.planes import to_tensors
from ..pipeline import Pipeline, Progress
from .build import Build, BuiltChain
from .device import GpuReading, GpuWatch, device_seconds, resident_mib
from .footage import Footage

FRAMES_LEAST = 3
"""Frames that a figure rests on, at least."""
FRAMES_MOST = 2000
PICTURES = 8
"""Different ones, in turn."""


@dataclass(frozen=True, slots=True)
class Speed:
    """So many frames in so much time."""

    frames: int
    seconds: float

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.frames / self.seconds


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round found."""

    engine: Speed
    """The engine alone, as many frames in flight as it takes."""
    device_ms: float | None
    """Milliseconds per frame by the device's own clock."""
    latencies: list[float]
    """Seconds from giving the engine a frame to having its planes, one frame at a time."""
    whole: Speed
    """From the opened source to the finished output."""
    cpu_ms: dict[str, float]
    """CPU milliseconds per frame of the whole run, by stage."""
    rss_mib: float | None
    """The most memory the process had in RAM during the whole run."""
    gpu: GpuReading = field(default_factory=GpuReading)


def measure(built: Build, footage: Footage, seconds: float, folder: Path) -> Sample:
    """Measure one build once: the engine alone, one frame at a time, and the pipeline, for about so long each.

    Raises:
        StreamsrError: a frame failed.
    """
    watch = GpuWatch(built.options.device)
    frames = frames_for(seconds, built.frame_seconds)
    pictures = [to_tensors(frame.planes, frame.layout) for frame in footage.pictures(min(PICTURES, frames))]
    with built.engine() as engine:
        _run(engine, pictures, engine.spec.depth)  # warm: threads started, memory touched, clocks up
        speed = _run(engine, pictures, frames)
        on_device = device_seconds(engine, frames)
        latencies = _latencies(engine, pictures, frames)
        with watch.watching():
            whole, cpu_ms, rss_mib = _pipeline(built, engine, footage, min(frames, footage.frames), watch, folder)
    device_ms = None if on_device is None else 1000 * on_device / frames
    return Sample(speed, device_ms, latencies, whole, cpu_ms, rss_mib, watch.reading)


def frames_for(seconds: float, frame_seconds: float) -> int:
    """How many frames take about so long; enough to rest a figure on."""
    return min(FRAMES_MOST, max(FRAMES_LEAST, round(seconds / frame_seconds)))


def _run(engine: Engine, pictures: Sequence[tuple[Array, ...]], frames: int) -> Speed:
    started = time.perf_counter()
    for _ in stream(engine, islice(cycle(pictures), frames)):
        pass
    return Speed(frames, time.perf_counter() - started)


def _latencies(engine: Engine, pictures: Sequence[tuple[Array, ...]], frames: int) -> list[float]:
    found = []
    for picture in islice(cycle(pictures), frames):
        started = time.perf_counter()
        engine.result(engine.submit(picture))
        found.append(time.perf_counter() - started)
    return found


def _pipeline(
    built: Build, engine: Engine, footage: Footage, frames: int, watch: GpuWatch, folder: Path
) -> tuple[Speed, dict[str, float], float | None]:
    """The whole run: its speed, its CPU milliseconds per frame by stage, and the most memory it had."""
    resident = [resident_mib()]

    def look(_: Progress) -> None:
        resident.append(resident_mib())
        watch.look()

    engine.reset()
    with BuiltChain(built.case.model, engine) as chain:
        report = Pipeline(footage.source(frames), chain, footage.sink(folder), on_progress=look).run()
    cpu_ms = {stage: cost.cpu_ms for stage, cost in report.stages.items()}
    known = [each for each in resident if each is not None]
    return Speed(report.frames, report.seconds), cpu_ms, max(known, default=None)
