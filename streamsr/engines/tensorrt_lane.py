"""One execution context of a TensorRT engine at work: its stream, its device memory, the graphs captured from it."""

from __future__ import annotations

import ctypes
import gc
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

from ..errors import EngineError
from ..notices import say_once
from ..residence import DevicePlane, DevicePlanes
from .base import Array
from .cuda import Driver
from .plan_log import Recorder, refusal
from .tensorrt_slots import Packings, Slot, Slots, Way
from .tensorrt_surfaces import Surfaces

log = logging.getLogger(__name__)

_PATIENCE = 100
"""Frames without a capture after which that is no longer put down to kernels that are being compiled."""

_CAPTURING = threading.Lock()
"""Held during a capture: of two threads, the first to end would have Python look for garbage in the other's."""


class Lane:
    """Frames through one execution context, one after another; the next may be put behind the one at work.

    A frame is an upload, the network, and a download, captured as a CUDA graph once for every slot: addresses are part
    of a graph. What comes from the device, or stays there, is copied beside it: its addresses change. State lies on the
    device twice; a frame reads one half and writes the other, the next the reverse.
    """

    def __init__(
        self,
        context: Any,
        driver: Driver,
        packings: Packings,
        surfaces: Surfaces,
        recorder: Recorder,
        depth: int,
        *,
        graphs: bool = True,
    ) -> None:
        """Allocate, and run both ways: kernels are loaded then, which must not happen during a capture.

        Args:
            context: TensorRT's execution context, the lane's own from now on.
            driver: of the device.
            packings: how the tensors lie in memory.
            surfaces: where results go that stay on the device.
            recorder: the logger of the context's library.
            depth: how many frames may be in flight; slots for them, and for one result, are there from the beginning.
            graphs: whether a frame's work is captured as a CUDA graph.

        Raises:
            DeviceMemoryError: it does not fit.
            EngineError: the network does not run.
        """
        self._context, self._driver, self._packings, self._recorder = context, driver, packings, recorder
        self._surfaces = surfaces
        self._graphs, self._uncaptured = graphs, 0
        self._parity = 0
        self._bound: int | None = None
        self._slots = Slots(driver, packings, surfaces, depth)
        self._flying: set[Slot] = set()
        self._owned = ExitStack()
        try:
            self._stream = self._own(driver.stream(), driver.free_stream)
            self._inputs = self._own(driver.alloc(packings.inputs.size), driver.free)
            self._outputs = self._own(driver.alloc(packings.outputs.size), driver.free)
            halves = 2 if packings.before.tensors else 0
            self._state = [self._own(driver.alloc(packings.before.size), driver.free) for _ in range(halves)]
            for _ in range(depth + 1):
                self._slots.grow()
            self._warm_up()
        except BaseException:
            self.close()
            raise

    def start(self, inputs: Sequence[Array | DevicePlane], fresh: bool, *, stay: bool = False) -> Slot:
        """Copy a frame's inputs and put its work on the stream; `fresh` clears the state before.

        Of the planes all or none lie on the device. With `stay` that is where the result will be.

        Raises:
            EngineError: CUDA or TensorRT refused.
            DeviceMemoryError: there is no memory for one result more.
        """
        slot = self._slots.take(stay=stay)
        try:
            self._slots.fill(slot, inputs, fresh)
            self._collect(slot)
            if fresh and self._state:
                self._driver.zero(self._state[self._parity], self._packings.before.size, self._stream)
            self._run(slot, Way(self._parity, uploads=not slot.sources, downloads=not stay))
            if slot.block is not None:
                outputs = self._packings.outputs.offsets
                self._surfaces.fill(slot.block, [self._outputs + offset for offset in outputs], self._stream)
            self._driver.record(slot.done, self._stream)
        except BaseException:
            if slot.sources or stay:
                with suppress(EngineError):  # what is on the stream must not touch what others get
                    self._driver.synchronize(self._stream)
            self._slots.give_back(slot)
            raise
        if self._state:
            self._parity = 1 - self._parity
        self._flying.add(slot)
        return slot

    def finish(self, slot: Slot) -> tuple[Array, ...] | DevicePlanes:
        """Wait for a frame; its outputs, which lend its slot, or their block if the frame was started with `stay`.

        Raises:
            EngineError: it failed.
        """
        self._flying.remove(slot)
        try:
            self._driver.wait(slot.done)
        except BaseException:
            self._slots.give_back(slot)
            raise
        slot.sources = ()  # read
        return self._slots.results(slot, len(self._flying)) if slot.block is None else self._slots.planes(slot)

    def device_seconds(self, frames: int) -> float:
        """How long the network alone takes for so many frames, by the device's clock, one after another.

        They are computed from what lies in the inputs, by a graph where there may be one: so the host is no part of it.
        State stays as it was.

        Raises:
            EngineError: CUDA or TensorRT refused.
        """
        driver, stream = self._driver, self._stream
        with ExitStack() as undo:
            marks = [driver.event(timed=True) for _ in range(2)]
            for mark in marks:
                undo.callback(driver.free_event, mark)
            compute = self._compute
            if self._graphs and self._capturable():
                graph = self._captured(compute)
                undo.callback(driver.free_graph, graph)
                compute = partial(driver.launch, graph, stream)
            driver.record(marks[0], stream)
            for _ in range(frames):
                compute()
            driver.record(marks[1], stream)
            driver.wait(marks[1])
            return driver.seconds(*marks)

    def close(self) -> None:
        """Wait for what is at work; free everything but the slots whose results are still out. Idempotent."""
        with suppress(EngineError), ExitStack() as each:  # each of them, whatever becomes of the others
            self._driver.activate()
            each.push(self._owned.pop_all())
            each.callback(self._forget)
            for slot in self._slots.all:
                each.callback(self._driver.free_event, slot.done)
                for graph in slot.graphs.values():
                    each.callback(self._driver.free_graph, graph)
            if self._slots.all:
                each.callback(self._driver.synchronize, self._stream)  # the last is the first

    def _forget(self) -> None:
        """Let go of the context and of what frames had; nothing is at work any more."""
        while self._flying:
            self._slots.give_back(self._flying.pop())
        self._slots.close()
        self._context = None

    def _own(self, handle: int, free: Callable[[int], None]) -> int:
        self._owned.callback(free, handle)
        return handle

    def _warm_up(self) -> None:
        slot = self._slots.all[-1]
        ctypes.memset(slot.sent, 0, self._packings.inputs.size)
        for half in self._state:
            self._driver.zero(half, self._packings.before.size, self._stream)
        for parity in reversed(range(max(1, len(self._state)))):
            self._parity = parity
            self._issue(slot, Way(parity, uploads=True, downloads=True))
        self._driver.synchronize(self._stream)

    def _collect(self, slot: Slot) -> None:
        """Put copies of the planes on the device on the stream, to where the network reads them."""
        if slot.sources:
            self._driver.join(self._stream, slot.done)
        for offset, plane in zip(self._packings.inputs.offsets, slot.sources, strict=False):
            target, width = self._inputs + offset, plane.row_bytes
            self._driver.copy2d(target, width, plane.address, plane.pitch, width, plane.shape[0], self._stream)

    def _run(self, slot: Slot, way: Way) -> None:
        """Put a frame on the stream: by its graph, captured now if there is none yet, or step by step."""
        if self._graphs and way not in slot.graphs and self._capturable():
            try:
                slot.graphs[way] = self._captured(partial(self._issue, slot, way))
            except EngineError as error:
                self._graphs = False
                say_once(log, f"no CUDA graphs, each frame is put together anew, which is slower: {error}")
        graph = slot.graphs.get(way)
        if graph is None:
            self._issue(slot, way)
        else:
            self._driver.launch(graph, self._stream)

    def _capturable(self) -> bool:
        """Whether a frame may be captured now: TensorRT for RTX may still be compiling, and says so."""
        ask = getattr(self._context, "is_stream_capturable", None)
        if ask is None or ask(self._stream):
            return True
        self._uncaptured += 1
        if self._uncaptured == _PATIENCE:
            say_once(log, f"no CUDA graph after {_PATIENCE} frames, which is slower: TensorRT allows no capture")
        return False

    def _captured(self, work: Callable[[], None]) -> int:
        """What `work` puts on the stream, as a graph."""
        self._bind()
        with _no_collection():
            self._driver.begin_capture(self._stream)
            try:
                work()
            except BaseException:  # Ctrl-C too: whatever came next would go into the capture
                with suppress(EngineError):
                    self._driver.free_graph(self._driver.end_capture(self._stream))
                raise
            return self._driver.end_capture(self._stream)

    def _issue(self, slot: Slot, way: Way) -> None:
        """Upload, network, download; of planes on the device, only what is told besides them is uploaded."""
        begin, size = (0, self._packings.inputs.size) if way.uploads else self._packings.told
        if size:
            self._driver.copy(self._inputs + begin, slot.sent + begin, size, self._stream)
        self._compute()
        if way.downloads:
            self._driver.copy(slot.received, self._outputs, self._packings.outputs.size, self._stream)

    def _compute(self) -> None:
        self._bind()
        if not self._context.execute_async_v3(self._stream):
            raise self._refusal("the network does not run")

    def _bind(self) -> None:
        """Tell the context where its tensors are, if it does not know; the halves of the state change places."""
        if self._bound == self._parity:
            return
        packings = self._packings
        places = {} if self._bound is not None else packings.inputs.addresses(self._inputs)
        places |= {} if self._bound is not None else packings.outputs.addresses(self._outputs)
        if self._state:
            places |= packings.before.addresses(self._state[self._parity])
            places |= packings.after.addresses(self._state[1 - self._parity])
        for name, address in places.items():
            if not self._context.set_tensor_address(name, address):
                raise self._refusal(f"the plan takes no tensor {name}")
        self._bound = self._parity

    def _refusal(self, what: str) -> EngineError:
        """The error for what TensorRT just failed to do, in its words."""
        error = refusal(what, self._recorder.complaints())
        self._recorder.begin()
        return error


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python from finding garbage here: memory that is freed during a capture would break it."""
    with _CAPTURING:
        enabled = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if enabled:
                gc.enable()
