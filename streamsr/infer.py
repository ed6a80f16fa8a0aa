"""Frames through an engine: several in flight, order kept, repeated pictures computed once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction

from .analysis.duplicate import same_picture
from .engines.base import Array, DeviceEngine, Engine
from .frame import Frame, Plane
from .graph.planes import to_device_planes, to_device_tensors, to_planes, to_tensors
from .graph.stream import StreamFormat
from .look import Look, Schedule
from .report import Stopwatch
from .residence import DevicePlanes

SETTLING = 4
"""Seconds after a change of look in which repeated pictures are computed again: the smoother is still on its way."""


class Inference:
    """Feeds an engine. `duplicates` and `busy` tell what happened so far."""

    def __init__(
        self, engine: Engine, target: StreamFormat, looks: Schedule | None = None, device: str | None = None
    ) -> None:
        """Feed an engine.

        Args:
            engine: what makes `target` pictures.
            target: what goes out.
            looks: what the engine takes with every frame, if it takes a look.
            device: where pictures are to stay, if that is where the engine makes them; else they come to the host.
        """
        self.duplicates = 0
        self.busy = Stopwatch()
        self._engine = engine
        self._there = engine if isinstance(engine, DeviceEngine) else None
        self._stay = self._there is not None and self._there.home == device
        self._target = target
        self._looks = looks
        self._origin: Fraction | None = None
        self._look: Look | None = None
        self._changed: Fraction | None = None

    def __call__(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """One frame out per frame in, same order and times; layout, size and colour are the target's.

        A stateful engine is reset at frames marked `cut`. Equal neighbours share one result (and its planes); frames
        that the engine takes from the device are not compared.
        """
        flights: deque[tuple[Frame, _Job]] = deque()
        previous: tuple[Frame, _Job] | None = None
        try:
            for frame in frames:
                while len(flights) >= self._engine.spec.depth:
                    yield self._land(*flights.popleft())
                with self.busy:
                    previous = (frame, self._job(frame, previous))
                flights.append(previous)
            while flights:
                yield self._land(*flights.popleft())
        finally:
            self._abandon(job for _, job in flights)

    def _job(self, frame: Frame, previous: tuple[Frame, _Job] | None) -> _Job:
        taken = self._taken(frame)
        comparable = self._settled(frame) and not frame.cut and taken is None
        if previous is not None and comparable and same_picture(previous[0], frame):
            self.duplicates += 1
            return previous[1]
        if frame.cut:
            self._engine.reset()
        return self._submitted(frame, taken, self._look.tensors() if self._look else ())

    def _taken(self, frame: Frame) -> DevicePlanes | None:
        """The frame's planes where the engine takes them as they lie."""
        planes, there = frame.planes, self._there
        if there is None or not isinstance(planes, DevicePlanes):
            return None
        return planes if planes.device == there.home else None

    def _submitted(self, frame: Frame, taken: DevicePlanes | None, controls: Sequence[Array]) -> _Job:
        engine, there, layout = self._engine, self._there, self._target.layout
        if there is None:
            ticket = engine.submit((*to_tensors(frame.planes, frame.layout), *controls))
            return _Job(lambda: to_planes(engine.result(ticket), layout))
        tensors = to_tensors(frame.planes, frame.layout) if taken is None else to_device_tensors(taken, frame.layout)
        ticket = there.submit_planes((*tensors, *controls), stay=self._stay)
        if self._stay:
            return _Job(lambda: to_device_planes(there.planes(ticket), layout))
        return _Job(lambda: to_planes(there.result(ticket), layout))

    def _settled(self, frame: Frame) -> bool:
        """Take the frame's look; whether it has been the same for so long that results have stopped changing."""
        if self._looks is None:
            return True
        if self._origin is None:
            self._origin = frame.time
        look = self._looks.at(float(frame.time - self._origin))
        if self._look not in (None, look):
            self._changed = frame.time
        self._look = look
        return self._changed is None or frame.time - self._changed > SETTLING

    def _abandon(self, jobs: Iterable[_Job]) -> None:
        """Take back what is still in flight after an early end: the engine may serve another run."""
        for job in jobs:
            with suppress(Exception):  # the reason for the early end is the one to be told
                job.planes()

    def _land(self, frame: Frame, job: _Job) -> Frame:
        with self.busy:
            planes = job.planes()
        color = self._target.color
        return Frame(planes, self._target.layout, frame.pts, frame.time_base, frame.duration, color, frame.cut)


class _Job:
    """A submitted picture; its planes are collected once, however many frames show it."""

    def __init__(self, collect: Callable[[], Sequence[Plane]]) -> None:
        self._collect = collect
        self._planes: Sequence[Plane] | None = None

    def planes(self) -> Sequence[Plane]:
        if self._planes is None:
            self._planes = self._collect()
        return self._planes
