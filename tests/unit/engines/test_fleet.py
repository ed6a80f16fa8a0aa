"""Several engines as one: who gets a frame, what becomes of it, and what happens when one of them fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from streamsr.engines import fleet as fleet_module
from streamsr.engines.available import load_backend
from streamsr.engines.backend import CompileOptions
from streamsr.engines.base import Array, Engine, EngineSpec, TensorSpec, Ticket
from streamsr.engines.fleet import Fleet, build_fleet
from streamsr.engines.runner import Runner, stream
from streamsr.engines.tiles import plan_tiles
from streamsr.engines.tiling import TiledEngine
from streamsr.errors import BuildError, ConfigError, DeviceMemoryError, EngineError, MismatchError
from streamsr.graph.frame_graph import FrameGraph

from . import graphs
from .machine import GRAPH, PICTURES, Machine, equal

PLANE = TensorSpec("plane.0", (1, 1), np.dtype(np.uint8))


def build(backend: str, graph: FrameGraph = GRAPH, precision: str = "fp32") -> Engine:
    return load_backend(backend).build(graph, precision, CompileOptions(threads=1))


class Numbers(Runner[int]):
    """An engine that gives back the number it is given; a frame takes as long as `work` does."""

    def __init__(self, device: str, work: Callable[[], object] = lambda: None, depth: int = 3) -> None:
        super().__init__(EngineSpec((PLANE,), (PLANE,), (), "numbers", "fp32", device, depth))
        self.work = work
        self.done: list[int] = []
        self.most = 0
        self.refuse, self.closed = -1, False

    def _start(self, inputs: Sequence[Array], fresh: bool) -> int:
        if self.refuse == int(inputs[0][0, 0]):
            raise DeviceMemoryError("no room")
        self.most = max(self.most, len(self._jobs) + 1)
        return int(inputs[0][0, 0])

    def _finish(self, job: int) -> tuple[Array, ...]:
        self.work()
        self.done.append(job)
        return (np.array([[job]], np.uint8),)

    def _release(self, pending: Sequence[int]) -> None:
        self.closed = True


def number(value: int) -> tuple[Array, ...]:
    return (np.array([[value]], np.uint8),)


def test_engines_of_two_backends_are_one(wanted: list[graphs.Tensors]) -> None:
    engines = [build("onnxruntime"), build("openvino")]
    fleet = Fleet(engines)
    assert (fleet.spec.backend, fleet.spec.device, fleet.spec.precision) == ("onnxruntime+openvino", "CPU,CPU", "fp32")
    assert fleet.spec.depth == sum(engine.spec.depth for engine in engines)
    assert (fleet.spec.inputs, fleet.spec.outputs) == (engines[0].spec.inputs, engines[0].spec.outputs)
    for _ in range(3):
        for output, right in zip(stream(fleet, PICTURES), wanted, strict=True):
            assert graphs.largest_difference(output, right, GRAPH.output) <= 1
    fleet.close()
    for engine in engines:
        with pytest.raises(EngineError, match="closed"):
            engine.submit(PICTURES[0])


def test_two_gpus(wanted: list[graphs.Tensors]) -> None:
    machines = Machine(), Machine()
    fleet = Fleet([machine.build() for machine in machines])
    before = [len(machine.calls) for machine in machines]
    for _ in range(2):
        assert all(equal(a, b) for a, b in zip(stream(fleet, PICTURES), wanted, strict=True))
    for machine, calls in zip(machines, before, strict=True):
        assert any(call.startswith("launch") for call in machine.calls[calls:])
    fleet.close()
    assert [machine.driver.used("device") for machine in machines] == [0, 0]


def test_tiled_engines_may_be_members(wanted: list[graphs.Tensors]) -> None:
    plan = plan_tiles(GRAPH.input.width, GRAPH.input.height, 40, GRAPH.halo, GRAPH.align)
    small = graphs.upscaling("yuv420p", plan.width, plan.height)
    fleet = Fleet([TiledEngine(build("onnxruntime", small), plan, GRAPH.input, GRAPH.output) for _ in range(2)])
    for output, right in zip(stream(fleet, PICTURES), wanted, strict=True):
        assert graphs.largest_difference(output, right, GRAPH.output) <= 1
    fleet.close()


def test_frames_go_to_whoever_has_them_done_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of the test's own: at one and at ten seconds a frame, nine wait for one before the other has one."""
    now = 0.0
    monkeypatch.setattr(fleet_module.time, "perf_counter", lambda: now)
    gates = threading.Semaphore(0), threading.Semaphore(0)
    fast, slow = (Numbers(name, gate.acquire, depth=16) for name, gate in zip(("fast", "slow"), gates, strict=True))
    fleet = Fleet([fast, slow])
    first = [fleet.submit(number(value)) for value in (0, 1)]  # one each: nothing is known yet
    for gate, now, ticket in zip(gates, (1.0, 10.0), first, strict=True):  # noqa: B007 - the clock reads it
        gate.release()
        fleet.result(ticket)
    tickets = [fleet.submit(number(value)) for value in range(2, 13)]
    for gate in gates:
        gate.release(len(tickets))
    assert [int(fleet.result(ticket)[0][0, 0]) for ticket in tickets] == list(range(2, 13))
    assert (fast.done, slow.done) == ([0, *range(2, 11), 12], [1, 11])
    fleet.close()


def test_everybody_is_tried_even_when_nobody_is_busy() -> None:
    slow, fast = Numbers("slow", lambda: time.sleep(0.02)), Numbers("fast")
    fleet = Fleet([slow, fast])
    for value in range(10):
        fleet.result(fleet.submit(number(value)))
    assert (slow.done, fast.done) == ([0], [*range(1, 10)])
    fleet.close()


def test_whoever_was_slow_once_is_tried_again() -> None:
    hiccup = iter([0.1])
    once = Numbers("once", lambda: time.sleep(next(hiccup, 0)))
    fleet = Fleet([once, Numbers("steady", lambda: time.sleep(0.001))])
    assert [int(plane[0, 0]) for (plane,) in stream(fleet, map(number, [*range(200)] * 15))] == [*range(200)] * 15
    assert len(once.done) > 30
    fleet.close()


def test_a_slow_device_does_not_hold_up_a_fast_one() -> None:
    fast, slow = Numbers("fast", lambda: time.sleep(0.002)), Numbers("slow", lambda: time.sleep(0.1))
    fleet = Fleet([fast, slow])
    began = time.perf_counter()
    assert [int(plane[0, 0]) for (plane,) in stream(fleet, map(number, range(80)))] == list(range(80))
    assert time.perf_counter() - began < 3  # in turn it would take four
    assert 1 <= len(slow.done) <= 10
    assert fast.most == 3  # as many as it takes are with it while it works
    fleet.close()


def test_a_device_that_nobody_knows_yet_gets_one_frame() -> None:
    gate = threading.Semaphore(0)
    first, other = Numbers("first"), Numbers("other", gate.acquire)
    fleet = Fleet([first, other])
    tickets = [fleet.submit(number(value)) for value in range(fleet.spec.depth)]
    gate.release(len(tickets))
    assert [int(fleet.result(ticket)[0][0, 0]) for ticket in tickets] == list(range(len(tickets)))
    assert other.done == [1]
    fleet.close()


def failure(fleet: Fleet, ticket: Ticket) -> EngineError | None:
    try:
        fleet.result(ticket)
    except EngineError as error:
        return error
    return None


def test_a_failure_is_that_frames_own() -> None:
    engines = Numbers("gpu:0"), Numbers("gpu:1")
    engines[0].refuse = 7
    fleet = Fleet(engines)
    tickets = [fleet.submit(number(value)) for value in (7, 8, 9)]  # the first one gets the first
    assert int(fleet.result(tickets[2])[0][0, 0]) == 9
    error = failure(fleet, tickets[0])
    assert isinstance(error, DeviceMemoryError)
    assert str(error) == "gpu:0: no room"
    assert int(fleet.result(tickets[1])[0][0, 0]) == 8
    assert [int(plane[0, 0]) for (plane,) in stream(fleet, map(number, range(10, 30)))] == list(range(10, 30))
    assert engines[0].done
    fleet.close()


def test_a_gpu_that_breaks_down_is_named() -> None:
    machines = Machine(), Machine()
    fleet = Fleet([machine.build() for machine in machines])
    machines[1].library.break_down = 1
    tickets = [fleet.submit(picture) for picture in PICTURES[: fleet.spec.depth]]
    failures = [str(error) for error in (failure(fleet, ticket) for ticket in reversed(tickets)) if error]
    assert len(failures) == 1
    assert failures[0].startswith("cuda:0: tensorrt-rtx failed on a frame: an illegal memory access")
    fleet.close()


def test_close_drops_what_is_in_flight() -> None:
    gate = threading.Semaphore(0)
    engines = [Numbers("a", gate.acquire), Numbers("b", gate.acquire)]
    fleet = Fleet(engines)
    tickets = [fleet.submit(number(value)) for value in range(6)]
    threading.Timer(0.3, gate.release, [6]).start()
    fleet.close()
    assert all(engine.closed for engine in engines)
    assert sum(len(engine.done) for engine in engines) == 2  # one each was at work
    with pytest.raises(EngineError, match="the engine is closed"):
        fleet.result(tickets[0])


def test_a_member_that_does_not_close_keeps_none_of_the_others_open(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = [Numbers("a"), Numbers("b")]
    fleet = Fleet(engines)

    def broken(pending: Sequence[int]) -> None:
        raise EngineError("gone")

    monkeypatch.setattr(engines[1], "_release", broken)
    with pytest.raises(EngineError, match="gone"):
        fleet.close()
    assert engines[0].closed


def test_frames_that_depend_on_each_other_are_refused() -> None:
    engines = [build("onnxruntime", graphs.running_sum()) for _ in range(2)]
    with pytest.raises(ConfigError, match="what remembers the frame before runs on one device, not on CPU,CPU"):
        Fleet(engines)
    for engine in engines:
        engine.close()


def test_engines_for_different_pictures_are_refused() -> None:
    engines = [build("onnxruntime", graphs.passthrough(width)) for width in (6, 8)]
    with pytest.raises(MismatchError, match="the engines on CPU and CPU are for different pictures"):
        Fleet(engines)
    for engine in engines:
        engine.close()


def test_precisions_that_differ_are_said(caplog: pytest.LogCaptureFixture) -> None:
    spec = Numbers("gpu").spec
    half = Numbers("cpu")
    half._spec = EngineSpec(spec.inputs, spec.outputs, (), "numbers", "fp16", "cpu", 1)
    fleet = Fleet([Numbers("gpu"), half])
    assert fleet.spec.precision == "fp32+fp16"
    assert caplog.messages == [
        "gpu,cpu compute in fp32+fp16, so their frames may differ a little: --precision fp32 makes them alike"
    ]
    fleet.close()


def test_a_device_without_an_engine_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    made: list[Numbers] = []

    def make(device: str) -> Engine:
        if device.startswith("bad"):
            raise BuildError("no kernel")
        if device == "none":
            raise ConfigError("no such device")
        made.append(Numbers(device))
        return made[-1]

    fleet = build_fleet(["a", "bad:0", "b", "none"], make)
    assert fleet.spec.device == "a,b"
    assert caplog.messages == ["a device is left out, bad:0: no kernel", "a device is left out, none: no such device"]
    fleet.close()
    assert build_fleet(["bad:1", "c"], make) is made[-1]
    with pytest.raises(BuildError, match=r"^bad:0: no kernel; none: no such device$"):
        build_fleet(["bad:0", "none"], make)
    with pytest.raises(BuildError, match=r"^no kernel$"):
        build_fleet(["bad:0"], make)


def test_what_was_built_is_closed_when_the_rest_is_not() -> None:
    engines = {"a": Numbers("a"), "b": build("onnxruntime", graphs.passthrough())}
    with pytest.raises(MismatchError):
        build_fleet(["a", "b"], engines.__getitem__)
    assert engines["a"].closed

    def interrupted(device: str) -> Engine:
        if device == "a":
            return engines["a"]
        raise KeyboardInterrupt

    engines["a"] = Numbers("a")
    with pytest.raises(KeyboardInterrupt):
        build_fleet(["a", "b"], interrupted)
    assert engines["a"].closed
