"""The half of an engine that all backends share: checks, tickets, and an orderly end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Generic, TypeVar

from ..errors import EngineError, MismatchError
from ..residence import DevicePlane
from .base import Array, Engine, EngineSpec, Ticket

Job = TypeVar("Job")


class Runner(ABC, Generic[Job]):
    """Base of the engines. A backend says how a frame starts, how it ends, and how its memory is freed.

    `Job` is whatever the backend needs to remember about a frame in flight.
    """

    def __init__(self, spec: EngineSpec) -> None:
        self._spec = spec
        self._jobs: dict[Ticket, Job] = {}
        self._fresh = True  # the next frame is the first one after a reset
        self._closed = False

    @property
    def spec(self) -> EngineSpec:
        """See `Engine.spec`."""
        return self._spec

    def submit(self, inputs: Sequence[Array]) -> Ticket:
        """See `Engine.submit`."""
        return self._admit(inputs, partial(self._start, inputs))

    def result(self, ticket: Ticket) -> tuple[Array, ...]:
        """See `Engine.result`."""
        return self._finish(self._redeem(ticket))

    def reset(self) -> None:
        """See `Engine.reset`."""
        self._fresh = True

    def close(self) -> None:
        """See `Engine.close`."""
        if not self._closed:
            self._closed = True
            self._release(list(self._jobs.values()))
            self._jobs.clear()

    def _admit(self, inputs: Sequence[Array | DevicePlane], start: Callable[[bool], Job]) -> Ticket:
        """Check a frame and have it started; `start` is told whether there is no previous one."""
        self._check_ready()
        check_inputs(self._spec, inputs)
        ticket = Ticket()
        self._jobs[ticket] = start(self._fresh)
        self._fresh = False
        return ticket

    def _redeem(self, ticket: Ticket) -> Job:
        if ticket not in self._jobs:
            state = "the engine is closed" if self._closed else "it is another engine's, or was redeemed before"
            raise EngineError(f"no frame in flight for this ticket: {state}")
        return self._jobs.pop(ticket)

    def _check_ready(self) -> None:
        if self._closed:
            raise EngineError(f"the {self._spec.backend} engine is closed")
        if len(self._jobs) >= self._spec.depth:
            raise EngineError(f"{len(self._jobs)} frames are in flight, as many as fit: take a result before the next")

    @abstractmethod
    def _start(self, inputs: Sequence[Array], fresh: bool) -> Job:
        """Copy checked inputs and begin; `fresh` says that there is no previous frame."""

    @abstractmethod
    def _finish(self, job: Job) -> tuple[Array, ...]:
        """Wait for the frame and give its planes away."""

    @abstractmethod
    def _release(self, pending: Sequence[Job]) -> None:
        """Wait for the frames in flight, ignoring their results and failures; free everything."""


def check_inputs(spec: EngineSpec, inputs: Sequence[Array | DevicePlane]) -> None:
    """Hold a frame's arrays against what the engine was built for.

    Raises:
        MismatchError: names the first array that differs, and how.
    """
    if len(inputs) != len(spec.inputs):
        told = "".join(f" and {name}" for name in spec.controls)
        raise MismatchError(f"the engine takes {len(spec.inputs) - len(spec.controls)} planes{told}, got {len(inputs)}")
    for want, array in zip(spec.inputs, inputs, strict=True):
        if array.shape != want.shape or array.dtype != want.dtype:
            raise MismatchError(f"the engine takes {want}, got {array.dtype} {list(array.shape)}")


def stream(engine: Engine, frames: Iterable[Sequence[Array]]) -> Iterator[tuple[Array, ...]]:
    """Run frames in order through an engine, keeping as many in flight as it takes; outputs come in the same order."""
    waiting: deque[Ticket] = deque()
    for frame in frames:
        if len(waiting) == engine.spec.depth:
            yield engine.result(waiting.popleft())
        waiting.append(engine.submit(frame))
    while waiting:
        yield engine.result(waiting.popleft())
