"""Frames through an engine: several in flight, order kept, repeated pictures computed once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction

from .analysis.duplicate import same_picture
from .engines.base import Engine, Ticket
from .frame import Frame, Plane
from .graph.planes import to_planes, to_tensors
from .graph.stream import StreamFormat
from .look import Look, Schedule
from .report import Stopwatch

SETTLING = 4
"""Seconds after a change of look in which repeated pictures are computed again: the smoother is still on its way."""


class Inference:
    """Feeds an engine. `duplicates` and `busy` tell what happened so far."""

    def __init__(self, engine: Engine, target: StreamFormat, looks: Schedule | None = None) -> None:
        """Feed `engine`, which makes `target` pictures; if it takes a look with every frame, those of `looks`."""
        self.duplicates = 0
        self.busy = Stopwatch()
        self._engine = engine
        self._target = target
        self._looks = looks
        self._origin: Fraction | None = None
        self._look: Look | None = None
        self._changed: Fraction | None = None

    def __call__(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """One frame out per frame in, same order and times; layout, size and colour are the target's.

        A stateful engine is reset at frames marked `cut`. Equal neighbours share one result (and its planes).
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
        settled = self._settled(frame)
        if previous is not None and settled and not frame.cut and same_picture(previous[0], frame):
            self.duplicates += 1
            return previous[1]
        if frame.cut:
            self._engine.reset()
        controls = self._look.tensors() if self._look else ()
        return _Job(self._engine.submit((*to_tensors(frame.planes, frame.layout), *controls)))

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
                job.planes(self._engine, self._target)

    def _land(self, frame: Frame, job: _Job) -> Frame:
        with self.busy:
            planes = job.planes(self._engine, self._target)
        color = self._target.color
        return Frame(planes, self._target.layout, frame.pts, frame.time_base, frame.duration, color, frame.cut)


class _Job:
    """A submitted picture; its planes are collected once, however many frames show it."""

    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket
        self._planes: tuple[Plane, ...] | None = None

    def planes(self, engine: Engine, target: StreamFormat) -> tuple[Plane, ...]:
        if self._planes is None:
            self._planes = to_planes(engine.result(self._ticket), target.layout)
        return self._planes
