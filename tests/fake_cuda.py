"""A CUDA device on the host, for tests: memory is checked, streams are lazy, copies are real.

Nothing that is put on a stream happens before somebody waits for it, so whoever reads too early reads rubbish. Freed
memory, foreign addresses, and calls from a thread that has not activated the device fail the test.
"""

from __future__ import annotations

import ctypes
import itertools
import threading
from collections import Counter, deque
from collections.abc import Callable

import numpy as np

from streamsr.engines.lease import memory_view
from streamsr.errors import DeviceMemoryError, EngineError

Work = Callable[[], None]
RUBBISH = 0xA5


class FakeDriver:
    """`cuda.Driver`. `room` is the device's memory in bytes; `fail` names calls that fail, and how often."""

    name = "Fake GPU"
    capability = "0.0"

    def __init__(self, room: int = 1 << 30) -> None:
        self.room = room
        self.host_room = 1 << 40
        self.fail: Counter[str] = Counter()
        self.lazy = True
        self._handles = itertools.count(1 << 60)
        self.blocks: dict[int, tuple[str, int, ctypes.Array]] = {}
        self.streams: dict[int, deque[Work]] = {}
        self.captured: dict[int, list[Work]] = {}
        self.graphs: dict[int, list[Work]] = {}
        self.events: dict[int, tuple[int, int]] = {}
        self.done: Counter[int] = Counter()
        self.broken: dict[int, EngineError] = {}
        self.foreign = False
        """Whether both ends of a copy may be nobody's here: from a decoder's memory to an array."""
        self.default: deque[Work] = deque()
        """What others have put on the default stream; it happens when a stream that has joined it comes to that."""
        self._thread = threading.local()

    def activate(self) -> None:
        self._thread.active = True

    def used(self, kind: str) -> int:
        return sum(size for where, size, _ in self.blocks.values() if where == kind)

    def alloc(self, size: int) -> int:
        self._check("alloc")
        if self.used("device") + size > self.room:
            raise DeviceMemoryError("cudaMalloc failed on cuda:0: out of memory")
        return self._block("device", size)

    def alloc_host(self, size: int) -> int:
        self._check("alloc_host")
        if self.used("host") + size > self.host_room:
            raise EngineError("cudaHostAlloc failed on cuda:0: out of memory")
        return self._block("host", size)

    def free(self, address: int) -> None:
        self._check("free")
        for stream in self.streams:
            self.run(stream)
        self._free("device", address)

    def free_host(self, address: int) -> None:
        self._check("free_host")
        self._free("host", address)

    def stream(self) -> int:
        self._check("stream")
        stream = next(self._handles)
        self.streams[stream] = deque()
        return stream

    def free_stream(self, stream: int) -> None:
        self._check("free_stream")
        assert not self.streams.pop(stream), "destroyed with work on it"

    def synchronize(self, stream: int) -> None:
        self._check("synchronize")
        assert stream not in self.captured, "waiting for a stream that is being captured"
        self.run(stream)

    def event(self, *, timed: bool = False) -> int:
        self._check("event")
        event = next(self._handles)
        self.events[event] = 0, 0
        return event

    def free_event(self, event: int) -> None:
        self._check("free_event")
        del self.events[event]

    def record(self, event: int, stream: int) -> None:
        self._check("record")
        self.events[event] = stream, self.done[stream] + len(self.streams[stream])

    def wait(self, event: int) -> None:
        self._check("wait")
        stream, position = self.events[event]
        self.run(stream, position)

    def seconds(self, first: int, last: int) -> float:
        (stream, start), (_, end) = self.events[first], self.events[last]
        assert self.done[stream] >= end
        return (end - start) / 1000  # a millisecond for every piece of work

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        self._check("copy")

        def work() -> None:
            self.inside(target, size)
            self.inside(source, size)
            ctypes.memmove(target, source, size)

        self.put(stream, work)

    def copy2d(
        self, target: int, target_pitch: int, source: int, source_pitch: int, width: int, rows: int, stream: int
    ) -> None:
        """Memory that is nobody's here may be a decoder's or an array's."""
        self._check("copy2d")
        assert width <= min(target_pitch, source_pitch)
        ends = (target, target_pitch), (source, source_pitch)
        spans = [(start, pitch * (rows - 1) + width) for start, pitch in ends]

        def work() -> None:
            assert self.foreign or "device" in [self.where(*span) for span in spans]
            for row in range(rows):
                ctypes.memmove(target + row * target_pitch, source + row * source_pitch, width)

        self.put(stream, work)

    def join(self, stream: int, event: int) -> None:
        self._check("join")
        assert event in self.events
        ahead = len(self.default)

        def work() -> None:
            for _ in range(min(ahead, len(self.default))):
                self.default.popleft()()

        self.put(stream, work)

    def zero(self, target: int, size: int, stream: int) -> None:
        self._check("zero")

        def work() -> None:
            assert self.inside(target, size) == "device"
            ctypes.memset(target, 0, size)

        self.put(stream, work)

    def begin_capture(self, stream: int) -> None:
        self._check("begin_capture")
        assert stream not in self.captured
        self.captured[stream] = []

    def end_capture(self, stream: int) -> int:
        work = self.captured.pop(stream)
        self._check("end_capture")
        graph = next(self._handles)
        self.graphs[graph] = work
        return graph

    def launch(self, graph: int, stream: int) -> None:
        self._check("launch")
        for work in self.graphs[graph]:
            self.put(stream, work)

    def free_graph(self, graph: int) -> None:
        self._check("free_graph")
        del self.graphs[graph]

    def put(self, stream: int, work: Work) -> None:
        """What every asynchronous call does; TensorRT's double puts the network there."""
        if stream in self.captured:
            self.captured[stream].append(work)
            return
        self.streams[stream].append(work)
        if not self.lazy:
            self.run(stream)

    def run(self, stream: int, position: int | None = None) -> None:
        """Let what is on a stream happen, up to a position. A failure is told to everybody who waits from then on."""
        queue = self.streams[stream]
        while queue and (position is None or self.done[stream] < position):
            work = queue.popleft()
            self.done[stream] += 1
            try:
                work()
            except EngineError as error:
                self.broken[stream] = error
        if stream in self.broken:
            raise self.broken.pop(stream)

    def inside(self, address: int, size: int) -> str:
        """Whether memory is host's or device's; all of it must be there."""
        kind = self.where(address, size)
        assert kind is not None, f"{size} bytes at {address:#x} are nobody's"
        return kind

    def where(self, address: int, size: int) -> str | None:
        """Whether memory is host's or device's, all of it; None where none of it is known."""
        for start, (kind, length, _) in self.blocks.items():
            if start < address + size and address < start + length:
                assert start <= address, f"{start - address} bytes before the block"
                assert address + size <= start + length, f"{address + size - start - length} bytes after the block"
                return kind
        return None

    def bytes_at(self, address: int, size: int) -> np.ndarray:
        """Memory of the device, to look at and to write into behind everybody's back."""
        assert self.inside(address, size) == "device"
        return memory_view(address, size)

    def _block(self, kind: str, size: int) -> int:
        memory = (ctypes.c_uint8 * (size + 256))()
        ctypes.memset(memory, RUBBISH, len(memory))
        address = -(-ctypes.addressof(memory) // 256) * 256
        self.blocks[address] = kind, size, memory
        return address

    def _free(self, kind: str, address: int) -> None:
        where, size, _ = self.blocks.pop(address)
        assert where == kind
        ctypes.memset(address, RUBBISH, size)

    def _check(self, call: str) -> None:
        assert getattr(self._thread, "active", False), f"{call}: the device is not this thread's"
        assert not self.captured or not call.startswith(("alloc", "free")), f"{call}: not during a capture"
        if self.fail[call] > 0:
            self.fail[call] -= 1
            raise EngineError(f"{call} failed on cuda:0: told to")
