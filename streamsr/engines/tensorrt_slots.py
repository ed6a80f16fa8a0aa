"""Pinned memory of one lane: a slot for every frame in flight, and for results until the caller forgets them."""

from __future__ import annotations

import logging
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from ..errors import EngineError
from ..notices import say_once
from .base import Array, EngineSpec
from .cuda import Driver
from .lease import Leases, Packing, memory_view

log = logging.getLogger(__name__)

_LENT_MAX = 8
_PINNED_MAX = 256 << 20
"""Results of one lane that may be out at a time, and bytes of all its slots; beyond either, results are copied."""


@dataclass(frozen=True, slots=True)
class Packings:
    """How the tensors of an engine lie in memory, the same in all its lanes."""

    inputs: Packing
    """Planes, controls, reset."""
    outputs: Packing
    before: Packing
    """State as it is read."""
    after: Packing
    """State as it is written; just as large."""

    @classmethod
    def of(cls, spec: EngineSpec) -> Packings:
        """Those of an engine."""
        reset = () if spec.reset is None else (spec.reset,)
        before, after = zip(*spec.state, strict=True) if spec.state else ((), ())
        return cls(*map(Packing.of, ((*spec.inputs, *reset), spec.outputs, before, after)))


@dataclass(eq=False, slots=True)
class Slot:
    """What a frame has to itself from its submission until its result is forgotten."""

    sent: int
    """Pinned memory: the inputs."""
    received: int
    """Pinned memory: the outputs."""
    inputs: tuple[Array, ...]
    """What lies at `sent`."""
    done: int
    """The event behind the frame on the stream."""
    graphs: dict[int, int] = field(default_factory=dict)
    """The captured work of a frame in this slot, by the parity of the state it reads."""


class Slots:
    """The slots of a lane. Results leave with theirs only while enough remain for the frames to come."""

    def __init__(self, driver: Driver, packings: Packings, depth: int) -> None:
        """Begin without any.

        Args:
            driver: of the device.
            packings: what lies in a slot.
            depth: how many frames may be in flight; so many slots are never lent.
        """
        self.all: list[Slot] = []
        self._driver, self._packings, self._depth = driver, packings, depth
        self._size = packings.inputs.size + packings.outputs.size
        self._leases: Leases[Slot] = Leases(self._discard)
        self._scarce = False

    def grow(self) -> None:
        """One slot more, which nobody has.

        Raises:
            EngineError: there is no memory for it.
        """
        inputs, driver = self._packings.inputs, self._driver
        with ExitStack() as undo:
            done = driver.event()
            undo.callback(driver.free_event, done)
            sent = driver.alloc_host(self._size)
            undo.pop_all()
        self.all.append(Slot(sent, sent + inputs.size, inputs.views(memory_view(sent, inputs.size)), done))
        self._leases.give_back(self.all[-1])

    def take(self) -> Slot:
        """One that nobody has; there is one while fewer than `depth` frames are in flight."""
        slot = self._leases.take()
        assert slot is not None
        return slot

    def give_back(self, slot: Slot) -> None:
        """Say that nobody uses a slot any more."""
        self._leases.give_back(slot)

    def results(self, slot: Slot, flying: int) -> tuple[Array, ...]:
        """A frame's outputs: lent with their slot, or copied out of it; `flying` is how many others are in flight."""
        outputs = self._packings.outputs
        if self._leases.free + flying >= self._depth or self._grown():
            return self._leases.lend(slot, slot.received, outputs)
        try:
            return tuple(view.copy() for view in outputs.views(memory_view(slot.received, outputs.size)))
        finally:
            self.give_back(slot)

    def close(self) -> None:
        """Free those that are not lent, and the others when they come back."""
        self.all.clear()
        self._leases.close()

    def _grown(self) -> bool:
        """Whether there is a slot more now."""
        count = len(self.all) + 1
        if self._scarce or count > self._depth + _LENT_MAX or count * self._size > _PINNED_MAX:
            return False
        try:
            self.grow()
        except EngineError as error:
            self._scarce = True
            say_once(log, f"no more pinned memory, results are copied out of it, which is slower: {error}")
        return not self._scarce

    def _discard(self, slot: Slot) -> None:
        with suppress(EngineError):  # nobody is left to be told, perhaps not even a device
            self._driver.activate()
            self._driver.free_host(slot.sent)
