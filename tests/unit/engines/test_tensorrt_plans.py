"""The plans of a TensorRT engine: what they are built for, kept with, and refused for, and on which device they run."""

from __future__ import annotations

import pytest

from streamsr.engines.backend import CompileOptions
from streamsr.engines.cache import cache_directory
from streamsr.engines.plan import PlanOptions
from streamsr.engines.runner import stream
from streamsr.engines.tensorrt import TensorRT
from streamsr.engines.tensorrt_contexts import pack
from streamsr.errors import BuildError, ConfigError
from streamsr.graph.frame_graph import FrameGraph
from tests.fake_cuda import FakeDriver
from tests.fake_tensorrt import FakeTensorRT, plan

from . import graphs
from .machine import GRAPH, OPTIONS, PICTURES, Machine, equal


def test_a_plan_that_does_not_load_is_a_build_error() -> None:
    machine = Machine()
    whole = pack(plan(GRAPH), b"")
    for blob in (b"", b"no plan", whole[:7], whole[:15], bytes(100), pack(b"another version's", b"")):
        with pytest.raises(BuildError, match=r"tensorrt-rtx does not load the plan: .*magic tag does not match"):
            machine.backend.restore(blob, GRAPH, "fp32", OPTIONS)
    with pytest.raises(BuildError, match=r"the plan takes no tensor plane\.1"):
        gray = graphs.passthrough(width=48, height=32)
        machine.backend.restore(pack(plan(gray), b""), GRAPH, "fp32", OPTIONS)


def test_what_was_compiled_on_the_device_is_kept_with_the_plan(wanted: list[graphs.Tensors]) -> None:
    machine = Machine()
    first = machine.build()
    blob = first.export()
    first.close()
    assert machine.library.compiled == 1
    again = machine.backend.restore(blob, GRAPH, "fp32", OPTIONS)
    assert machine.library.compiled == 1
    assert again.spec == first.spec
    assert again.export() == blob
    assert all(equal(a, b) for a, b in zip(stream(again, PICTURES), wanted, strict=True))
    again.close()
    with pytest.raises(BuildError, match="are another GPU's or another driver's"):  # so it is built and kept anew
        machine.backend.restore(blob[:-1] + b"!", GRAPH, "fp32", OPTIONS)


def test_devices_and_precisions() -> None:
    backend = Machine().backend
    assert backend.device == "cuda:0"
    assert backend.identity("cuda:1") == backend.identity("cuda") == "Fake GPU (0.0)"
    assert backend.precisions("cuda:0") == ("fp32", "fp16")
    for device in ("CPU", "cuda:x", "TPU"):
        with pytest.raises(ConfigError, match=f"'{device}' is no NVIDIA GPU; write cuda"):
            backend.identity(device)
    with pytest.raises(BuildError, match="no precision 'bf16'"):
        backend.build(GRAPH, "bf16", OPTIONS)


@pytest.mark.parametrize(("capability", "asked"), [("7.5", ("7.5",)), ("8.6", ()), ("12.0", ())])
def test_rtx_builds_for_turing_only_when_told(capability: str, asked: tuple[str, ...]) -> None:
    machine = Machine()
    machine.driver.capability = capability
    seen: list[PlanOptions] = []

    def planner(graph: FrameGraph, flavour: str, options: PlanOptions) -> bytes:
        seen.append(options)
        return plan(graph)

    backend = TensorRT("tensorrt-rtx", module=machine.library, drivers=lambda index: machine.driver, planner=planner)
    backend.build(GRAPH, "fp32", OPTIONS).close()
    assert seen == [PlanOptions(capabilities=asked)]


def test_a_gpu_that_rtx_does_not_know_is_a_build_error() -> None:
    def refuses(*_: object) -> bytes:
        raise ConfigError("tensorrt-rtx does not build for compute capability 7.0")

    driver = FakeDriver()
    backend = TensorRT("tensorrt-rtx", module=FakeTensorRT(driver), drivers=lambda index: driver, planner=refuses)
    with pytest.raises(BuildError, match=r"compute capability 7\.0"):
        backend.build(GRAPH, "fp32", OPTIONS)


def test_timings_are_kept_per_gpu_and_only_where_engines_are() -> None:
    seen: list[PlanOptions] = []

    def planner(graph: FrameGraph, flavour: str, options: PlanOptions) -> bytes:
        seen.append(options)
        return plan(graph)

    drivers = [FakeDriver(), FakeDriver()]
    drivers[1].name = "Another GPU"
    for index, cache in ((0, True), (1, True), (0, False)):
        library = FakeTensorRT(drivers[index])
        backend = TensorRT("tensorrt", module=library, drivers=drivers.__getitem__, planner=planner)
        backend.build(GRAPH, "fp32", CompileOptions(device=f"cuda:{index}", cache=cache)).close()
    first, second, third = (options.timing_cache for options in seen)
    assert first is not None
    assert second is not None
    assert first != second
    assert first.parent == second.parent == cache_directory()
    assert third is None


def test_no_device_is_touched_before_one_is_asked_for() -> None:
    opened: list[int] = []
    driver = FakeDriver()

    def opens(index: int) -> FakeDriver:
        opened.append(index)
        return driver

    backend = TensorRT("tensorrt", module=FakeTensorRT(driver), drivers=opens, planner=plan)
    backend.build(GRAPH, "fp32", CompileOptions(device="cuda:1")).close()
    assert set(opened) == {1}


def test_the_device_asked_for_is_the_one_that_works(wanted: list[graphs.Tensors]) -> None:
    drivers = [FakeDriver(), FakeDriver()]
    for index, driver in enumerate(drivers):
        backend = TensorRT("tensorrt", module=FakeTensorRT(driver), drivers=drivers.__getitem__, planner=plan)
        engine = backend.build(GRAPH, "fp32", CompileOptions(device=f"cuda:{index}"))
        assert engine.spec.device == f"cuda:{index}"
        assert [bool(driver.blocks) for driver in drivers] == [index == 0, index == 1]
        (result,) = stream(engine, PICTURES[:1])
        assert equal(result, wanted[0])
        del result
        engine.close()
