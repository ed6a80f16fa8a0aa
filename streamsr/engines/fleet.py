"""A fleet: an engine on each of several devices, and frames dealt to them, as one engine.

Results are taken in the order of the frames, so whoever is late holds up all that come after: of a fast and a slow
device that get every other frame each, the fast one would be as slow as the other. So a frame goes to the engine that,
as far as frames so far tell, will have done it first. Frames dealt so are done about in their order, nobody waits
for long, and a device too slow to be of use gets a frame now and then. The rule is that of minimum completion time
(Maheswaran et al., "Dynamic Matching and Scheduling of a Class of Independent Tasks onto Heterogeneous Computing
Systems", HCW 1999).
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np

from ..errors import ConfigError, EngineError, MismatchError
from ..notices import say_once
from .base import Array, Engine, EngineSpec, Ticket
from .runner import Runner

log = logging.getLogger(__name__)

_NEWS = 1 / 4
"""Weight of the latest frame in what an engine is thought to take for one."""

_FORGIVENESS = 1 / 500
"""By how much an engine is thought to be faster with every frame that goes to another: it may have been slow only once,
and what is never tried is never measured."""


def build_fleet(devices: Sequence[str], make: Callable[[str], Engine]) -> Engine:
    """What `make` makes for each device, as one engine. A device that has none is left out, and that is said.

    Raises:
        EngineError, ConfigError: no device has one; the message gives each reason.
        ConfigError: there are several, and they remember the frame before.
    """
    if len(devices) == 1:
        return make(devices[0])
    engines: list[Engine] = []
    failures: list[EngineError | ConfigError] = []
    with ExitStack() as undo:
        for device in devices:
            try:
                engines.append(make(device))
            except (EngineError, ConfigError) as error:
                failures.append(type(error)(f"{device}: {error}"))  # itself it would keep its frames, and memory
            else:
                undo.callback(engines[-1].close)
        if not engines:
            raise type(failures[0])("; ".join(map(str, failures)))
        for failure in failures:
            say_once(log, f"a device is left out, {failure}")
        fleet = Fleet(engines) if len(engines) > 1 else engines[0]
        undo.pop_all()
    return fleet


class Fleet(Runner["Future[tuple[Array, ...]]"]):
    """Several engines of one frame graph as one engine, each driven by a thread of its own.

    What one of them fails at is that frame's failure; the others go on.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        """Deal frames to `engines`, which are closed with this one.

        Raises:
            ConfigError: they remember the frame before, which another one of them may have had.
            MismatchError: they do not take and return the same tensors.
        """
        super().__init__(_spec([engine.spec for engine in engines]))
        if "+" in self.spec.precision:
            said = f"{self.spec.device} compute in {self.spec.precision}, so their frames may differ a little"
            say_once(log, f"{said}: --precision fp32 makes them alike")
        self._members = [_Member(engine) for engine in engines]

    def _start(self, inputs: Sequence[Array], fresh: bool) -> Future[tuple[Array, ...]]:  # noqa: ARG002 - no state
        return self._first_done().take(tuple(np.array(array, order="C") for array in inputs))

    def _first_done(self) -> _Member:
        """Who will have done the next frame first; the untried are taken to be as fast as any, so they get tried.

        With one frame: it may take them seconds. What comes while nobody's pace is known goes to the first of them.
        """
        known = [member for member in self._members if member.pace or not member.load] or self._members[:1]
        fastest = min((member.pace for member in known if member.pace), default=1.0)
        chosen = min(known, key=lambda member: ((member.load + 1) * (member.pace or fastest), member.pace > 0))
        for member in self._members:
            if member is not chosen:
                member.pace *= 1 - _FORGIVENESS
        return chosen

    def _finish(self, job: Future[tuple[Array, ...]]) -> tuple[Array, ...]:
        return job.result()

    def _release(self, pending: Sequence[Future[tuple[Array, ...]]]) -> None:  # noqa: ARG002 - the members know
        with ExitStack() as each:
            for member in self._members:
                member.drop()
                each.callback(member.close)


def _spec(specs: Sequence[EngineSpec]) -> EngineSpec:
    """What the engines are together."""
    first, device = specs[0], ",".join(spec.device for spec in specs)
    for spec in specs:
        if spec.state:
            raise ConfigError(f"what remembers the frame before runs on one device, not on {device}")
        if (spec.inputs, spec.outputs) != (first.inputs, first.outputs):
            raise MismatchError(f"the engines on {first.device} and {spec.device} are for different pictures")
    return replace(
        first,
        backend="+".join(dict.fromkeys(spec.backend for spec in specs)),
        precision="+".join(dict.fromkeys(spec.precision for spec in specs)),
        device=device,
        depth=sum(spec.depth for spec in specs),
    )


@dataclass(slots=True, eq=False)
class _Flight:
    """A frame with a member."""

    inputs: tuple[Array, ...]
    """None of them any more once the engine has them."""
    since: float
    """When it came, by `time.perf_counter`."""
    ticket: Ticket | None = None
    """The engine's."""
    error: Exception | None = None
    """Why the engine gave none."""


class _Member:
    """An engine, the thread that drives it, and what it has to do."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.pace = 0.0
        """Seconds a frame takes while others wait; 0 before the first. A change that another thread undoes is no harm:
        it is an estimate, and the next frame mends it."""
        self._flights: deque[_Flight] = deque()  # those that the engine has, then those that wait for it
        self._started = 0
        self._landed = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fleet")

    @property
    def load(self) -> int:
        """How many frames it has to do."""
        return len(self._flights)

    def take(self, inputs: tuple[Array, ...]) -> Future[tuple[Array, ...]]:
        """Have a frame done. Each brings a step, and each step ends with the oldest frame: so its step ends with it."""
        self._flights.append(_Flight(inputs, time.perf_counter()))
        return self._thread.submit(self._step)

    def drop(self) -> None:
        """Begin no step any more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Wait for the step at work, and close the engine."""
        self._thread.shutdown()
        self._engine.close()

    def _step(self) -> tuple[Array, ...]:
        """Start what the engine has room for, and wait for its oldest frame."""
        while self._started < min(len(self._flights), self._engine.spec.depth):
            self._begin(self._flights[self._started])
            self._started += 1
        try:
            return self._result(self._flights[0])
        finally:
            self._started -= 1
            self._flights.popleft()

    def _begin(self, flight: _Flight) -> None:
        try:
            flight.ticket = self._engine.submit(flight.inputs)
        except Exception as error:  # to be told when it is this frame's turn
            flight.error = error
        flight.inputs = ()

    def _result(self, flight: _Flight) -> tuple[Array, ...]:
        try:
            if flight.error is not None:
                raise flight.error
            assert flight.ticket is not None
            planes = self._engine.result(flight.ticket)
        except EngineError as error:
            raise type(error)(f"{self._engine.spec.device}: {error}") from error
        self._measure(flight.since)
        return planes

    def _measure(self, since: float) -> None:
        now = time.perf_counter()
        took = now - max(since, self._landed)
        self._landed = now
        self.pace += (took - self.pace) * (_NEWS if self.pace else 1)
