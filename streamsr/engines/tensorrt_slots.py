"""Pinned memory of one lane: a slot for every frame in flight, and for results until the caller forgets them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..errors import EngineError
from ..notices import say_once
from ..residence import DevicePlane, DevicePlanes
from .base import Array, EngineSpec
from .cuda import Driver
from .lease import Leases, Packing, memory_view
from .tensorrt_surfaces import Surfaces

log = logging.getLogger(__name__)

_LENT_MAX = 8
_PINNED_MAX = 256 << 20
"""Results of one lane that may be out at a time, and bytes of all its slots; beyond either, results are copied."""


@dataclass(frozen=True, slots=True)
class Packings:
    """How the tensors of an engine lie in memory, the same in all its lanes."""

    inputs: Packing
    """Planes, controls, reset."""
    planes: int
    """How many of the inputs are planes."""
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
        planes = len(spec.inputs) - len(spec.controls)
        inputs, *others = map(Packing.of, ((*spec.inputs, *reset), spec.outputs, before, after))
        return cls(inputs, planes, *others)

    @property
    def told(self) -> tuple[int, int]:
        """Where in the inputs those begin that are no planes, and how many bytes they are."""
        offsets = (*self.inputs.offsets, self.inputs.size)
        begin = offsets[self.planes] if self.planes < len(self.inputs.tensors) else self.inputs.size
        return begin, self.inputs.size - begin


class Way(NamedTuple):
    """What distinguishes the work of one frame from that of another in the same slot."""

    parity: int
    """Which half of the state is read."""
    uploads: bool
    """Whether planes come from the host."""
    downloads: bool
    """Whether results go there."""


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
    graphs: dict[Way, int] = field(default_factory=dict)
    """The captured work of a frame in this slot."""
    sources: tuple[DevicePlane, ...] = ()
    """The planes on the device that the frame at work reads."""
    block: int | None = None
    """Device memory for the result of the frame at work, where it is to stay there."""


class Slots:
    """The slots of a lane. Results leave with theirs only while enough remain for the frames to come."""

    def __init__(self, driver: Driver, packings: Packings, surfaces: Surfaces, depth: int) -> None:
        """Begin without any.

        Args:
            driver: of the device.
            packings: what lies in a slot.
            surfaces: where results go that stay on the device.
            depth: how many frames may be in flight; so many slots are never lent.
        """
        self.all: list[Slot] = []
        self._driver, self._packings, self._surfaces, self._depth = driver, packings, surfaces, depth
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

    def take(self, *, stay: bool = False) -> Slot:
        """One that nobody has, with a block where the result is to `stay` on the device.

        There is one while fewer than `depth` frames are in flight.

        Raises:
            DeviceMemoryError: there is no memory for one block more.
        """
        slot = self._leases.take()
        assert slot is not None
        try:
            slot.block = self._surfaces.take() if stay else None
        except BaseException:
            self._leases.give_back(slot)
            raise
        return slot

    def fill(self, slot: Slot, inputs: Sequence[Array | DevicePlane], fresh: bool) -> None:
        """Copy what a frame reads from the host, keep what it reads from the device; `fresh` goes to the reset."""
        slot.sources = tuple(plane for plane in inputs if isinstance(plane, DevicePlane))
        for view, given in zip(slot.inputs, inputs, strict=False):  # the reset, if any, is beyond the caller's
            if not isinstance(given, DevicePlane):
                np.copyto(view, given)
        for view in slot.inputs[len(inputs) :]:
            view[...] = fresh

    def give_back(self, slot: Slot) -> None:
        """Say that nobody uses a slot any more, nor what its frame had."""
        slot.sources = ()
        if slot.block is not None:
            self._surfaces.give_back(slot.block)
            slot.block = None
        self._leases.give_back(slot)

    def planes(self, slot: Slot) -> DevicePlanes:
        """The result of a frame that stays on the device; its slot is free."""
        block, slot.block = slot.block, None
        assert block is not None
        self.give_back(slot)
        return self._surfaces.lend(block)

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
