"""Real plans in the cache: what has happened to them there is found out, and another is built."""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
from functools import cache as once
from pathlib import Path

import numpy as np
import pytest

from streamsr.engines import available
from streamsr.engines.backend import CompileOptions
from streamsr.engines.cache import entries
from streamsr.engines.compile import Candidate, compile_engine
from streamsr.engines.entry import pack as pack_entry
from streamsr.engines.entry import unpack as unpack_entry
from streamsr.engines.plan import build_plan
from streamsr.engines.runner import stream
from streamsr.engines.tensorrt import TensorRT
from streamsr.engines.tensorrt_contexts import pack, unpack
from streamsr.registry import Registry
from tests.fake_cuda import FakeDriver
from tests.fake_tensorrt import FakeTensorRT, plan

from . import graphs

pytestmark = pytest.mark.tensorrt_rtx
GRAPH = graphs.upscaling()
PICTURES = graphs.frames(GRAPH.input, 2)
ROOT = Path(__file__).parents[3]
BUILT: list[str] = []


@once
def real_plan(graph: bytes) -> bytes:
    return build_plan(GRAPH, "tensorrt-rtx")


class PlanRuns(FakeTensorRT):
    """The double runs the graph that a real plan was built from, if the plan is whole."""

    def __init__(self, driver: FakeDriver, version: str = "1.7") -> None:
        super().__init__(driver)
        self.__version__ = version
        self.graphs: dict[str, bytes] = {}

    def build(self, graph, flavour: str, options: object) -> bytes:
        BUILT.append(self.__version__)
        real = real_plan(graph.proto.SerializeToString(deterministic=True)) + self.__version__.encode()
        self.graphs[hashlib.sha256(real).hexdigest()] = plan(graph)
        return real

    def translate(self, blob: bytes) -> bytes:
        return self.graphs.get(hashlib.sha256(blob).hexdigest(), b"")


DRIVER = FakeDriver()
LIBRARY = PlanRuns(DRIVER)
LATER = PlanRuns(DRIVER, "1.8")


def backend() -> TensorRT:
    return TensorRT("tensorrt-rtx", module=LIBRARY, drivers=lambda index: DRIVER, planner=LIBRARY.build)


def later() -> TensorRT:
    return TensorRT("tensorrt-rtx", module=LATER, drivers=lambda index: DRIVER, planner=LATER.build)


@pytest.fixture(autouse=True)
def _backend(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "backend")


def use(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    places = {"tensorrt-rtx": f"{__name__}:{name}", "onnxruntime": available.BACKENDS._entries["onnxruntime"]}
    monkeypatch.setattr(available, "BACKENDS", Registry("backend", places))


def start() -> bool:
    """Compile, hold two pictures against what they should be; whether a plan was built rather than found."""
    BUILT.clear()
    options = CompileOptions(backend="tensorrt-rtx", device="cuda:0")
    engine = compile_engine([Candidate("fp32", GRAPH, "tiny")], GRAPH, options, lambda: PICTURES)
    right = available.load_backend("onnxruntime").build(GRAPH, "fp32", CompileOptions(threads=1))
    for a, b in zip(stream(engine, PICTURES), stream(right, PICTURES), strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    engine.close()
    right.close()
    return bool(BUILT)


def only(cache: Path) -> Path:
    (entry,) = cache.glob("*.engine")
    return entry


def test_a_plan_is_built_once_and_kept_with_its_kernels(cache: Path) -> None:
    assert start()
    assert not start()
    record, blob = unpack_entry(only(cache).read_bytes())
    assert (record.backend, record.version, record.device) == ("tensorrt-rtx", "1.7", "Fake GPU (0.0)")
    assert unpack(blob) == (real_plan(GRAPH.proto.SerializeToString(deterministic=True)) + b"1.7", b"fake kernels")
    assert len(blob) > 100_000


def test_damage_anywhere_is_found(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    start()
    whole = only(cache).read_bytes()
    for damaged in (
        whole[: len(whole) // 2],
        whole[:-1],
        *(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in (50, len(whole) // 2, len(whole) - 20)),
    ):
        only(cache).write_bytes(damaged)
        caplog.clear()
        assert start()
        assert "building it again" in caplog.text
    assert not start()


def test_a_plan_that_tensorrt_refuses_is_built_again(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its checksum fits, so somebody stored it like this: another version's plan, or none at all."""
    for wrong in (LATER.build(GRAPH, "", None), b"no plan"):
        start()
        record, blob = unpack_entry(only(cache).read_bytes())
        only(cache).write_bytes(pack_entry(record, pack(wrong, unpack(blob)[1])))
        caplog.clear()
        assert start()
        assert "tensorrt-rtx does not load the plan: magic tag does not match: building it again" in caplog.text
        assert not start()


def test_another_version_has_plans_of_its_own(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert start()
    use(monkeypatch, "later")
    assert start()
    assert BUILT == ["1.8"]
    use(monkeypatch, "backend")
    assert not start()
    assert sorted(entry.record.version for entry in entries() if entry.record) == ["1.7", "1.8"]


def test_kernels_of_another_device_are_replaced(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    start()
    record, blob = unpack_entry(only(cache).read_bytes())
    only(cache).write_bytes(pack_entry(record, pack(unpack(blob)[0], b"another device's")))
    assert start()
    assert "another driver's: building it again" in caplog.text
    before = LIBRARY.compiled
    assert not start()
    assert LIBRARY.compiled == before


@pytest.mark.parametrize("room", [16, 100_000])
def test_a_full_disk_costs_a_warning(room: int, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    real_plan(GRAPH.proto.SerializeToString(deterministic=True))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        assert start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "could not be cached" in caplog.text
    assert not list(cache.glob("*.engine"))
    assert not list(cache.glob("*.part"))


SCRIPT = """
import logging, sys
logging.basicConfig(level="INFO", format="%(message)s", stream=sys.stdout)
from streamsr.engines import available
from streamsr.registry import Registry
from tests.unit.engines import test_cache_plans as here
places = {"tensorrt-rtx": here.__name__ + ":backend", "onnxruntime": available.BACKENDS._entries["onnxruntime"]}
available.BACKENDS = Registry("backend", places)
here.LIBRARY.graphs = here.EveryPlan()
print("built" if here.start() else "found")
"""


class EveryPlan(dict):
    """Plans of the same graph built by other processes."""

    def get(self, key: str, default: bytes = b"") -> bytes:
        return plan(GRAPH)


def test_two_processes_at_once_build_once(cache: Path) -> None:
    both = [
        subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)
    ]
    outputs = [process.communicate(timeout=100)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(output.splitlines()[-1] for output in outputs) == ["built", "found"]
    assert len(list(cache.glob("*.engine"))) == 1
