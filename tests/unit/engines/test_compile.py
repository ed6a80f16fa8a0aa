"""Candidates are tried in order; what fails is said, what works is kept."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from streamsr.engines import available
from streamsr.engines import compile as compiling
from streamsr.engines.available import available_backends, choose_backends, load_backend, native_precisions
from streamsr.engines.backend import Backend, CompileOptions
from streamsr.engines.base import Engine
from streamsr.engines.compile import Candidate, cache_key, compile_engine, first_engine
from streamsr.engines.runner import stream
from streamsr.errors import (
    BuildError,
    ConfigError,
    DeviceMemoryError,
    EngineError,
    UnknownNameError,
    VerificationError,
)
from streamsr.registry import Registry
from tests.nets import identity, small

from . import graphs

GOOD = graphs.upscaling()
WRONG = graphs.upscaling(model=small("luma", seed=1))


class Probe:
    """Frames on demand, counting the demands."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> list[graphs.Tensors]:
        self.calls += 1
        return graphs.frames(GOOD.input)


def build(*candidates: Candidate, probe: Probe | None = None, **options) -> Engine:
    return compile_engine(candidates, GOOD, CompileOptions(threads=2, **options), probe or Probe())


def broken() -> Candidate:
    graph = graphs.upscaling()
    graph.proto.graph.node[0].op_type = "NoSuchOperator"
    return Candidate("fp32", graph, "broken")


def test_the_first_that_works_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    engine = build(Candidate("bf16", GOOD), Candidate("fp32", GOOD))
    assert (engine.spec.backend, engine.spec.precision, engine.spec.device) == ("openvino", "bf16", "CPU")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    engine.close()


def test_wrong_pictures_are_refused_and_the_next_is_taken(caplog: pytest.LogCaptureFixture, cache: Path) -> None:
    engine = build(Candidate("int8", WRONG, "tiny"), Candidate("fp32", GOOD, "tiny"))
    assert engine.spec.precision == "fp32"
    (warning,) = caplog.messages
    assert warning.startswith("tiny is passed over, openvino int8: plane 0 of probe frame 0 is ")
    assert len(list(cache.glob("*.engine"))) == 1
    engine.close()


def test_what_does_not_compile_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    engine = build(broken(), Candidate("fp32", GOOD))
    assert engine.spec.precision == "fp32"
    assert "broken is passed over, openvino fp32: " in caplog.text
    engine.close()


def test_auto_goes_on_to_the_next_backend(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(BuildError) as caught:
        build(broken())
    assert "openvino fp32: " in str(caught.value)
    assert "onnxruntime fp32: " in str(caught.value)
    assert len(caplog.messages) == 2


class Fails:
    """A backend that builds nothing."""

    name, version, device, tells_memory = "fails", "1", "CPU", True

    def __init__(self, error: EngineError) -> None:
        self.error = error

    def identity(self, device: str) -> str:
        return device

    def build(self, *_: object) -> Engine:
        raise self.error


@pytest.mark.parametrize("error", [EngineError("an illegal memory access"), DeviceMemoryError("out of memory")])
def test_auto_goes_on_whatever_fails(
    error: EngineError, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    both = [Fails(error), load_backend("onnxruntime")]
    monkeypatch.setattr(compiling, "choose_backends", lambda name, device: iter(both))
    engine = build(Candidate("fp32", GOOD), cache=False)
    assert engine.spec.backend == "onnxruntime"
    (warning,) = caplog.messages
    assert "is passed over" in warning
    assert str(error) in warning
    engine.close()


def test_each_backend_is_asked_with_its_own_device(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [Fails(BuildError("no kernel for this GPU")), load_backend("onnxruntime")]
    monkeypatch.setattr(compiling, "choose_backends", lambda name, device: iter(both))
    both[0].device = "cuda:0"
    asked: list[tuple[str, str]] = []

    def make(backend: Backend, device: str) -> Engine:
        asked.append((backend.name, device))
        return backend.build(GOOD, "fp32", CompileOptions(threads=1, device=device))

    first_engine("auto", "auto", make).close()
    assert asked == [("fails", "cuda:0"), ("onnxruntime", "CPU")]
    both[:] = [Fails(DeviceMemoryError("too small"))] * 2
    with pytest.raises(DeviceMemoryError, match="too small; too small"):
        first_engine("auto", "auto", make)


def test_nothing_is_kept_beside_a_cache_that_others_may_write_into(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    told: list[CompileOptions] = []

    class Asks(Fails):
        def build(self, *given: object) -> Engine:
            told.append(given[2])
            raise self.error

    backends = [Asks(BuildError("no"))]
    monkeypatch.setattr(compiling, "choose_backends", lambda name, device: iter(backends))
    with pytest.raises(BuildError, match="fails fp32: no"):
        build(Candidate("fp32", GOOD))
    assert [options.cache for options in told] == [False]


def test_wrong_everywhere_is_a_verification_error() -> None:
    with pytest.raises(VerificationError, match=r"^openvino int8: .*; openvino fp32: "):
        build(Candidate("int8", WRONG, "tiny"), broken(), backend="openvino")


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'openvino'"):
        build(Candidate("fp32", GOOD), backend="openvno")
    with pytest.raises(ConfigError, match="threads is 0"):
        CompileOptions(threads=0)
    with pytest.raises(ConfigError, match="TPU"):
        build(Candidate("fp32", GOOD), device="TPU", backend="openvino")


def test_no_thread_survives_a_refused_engine(caplog: pytest.LogCaptureFixture) -> None:
    import threading

    before = threading.active_count()
    engine = build(Candidate("int8", WRONG), Candidate("fp32", GOOD), backend="onnxruntime")
    engine.close()
    assert threading.active_count() == before
    assert len(caplog.messages) == 1


def test_a_cached_engine_needs_no_proof_and_no_reference() -> None:
    probe = Probe()
    first = build(Candidate("bf16", GOOD), probe=probe)
    again = build(Candidate("bf16", GOOD), probe=probe)
    assert probe.calls == 1
    pictures = graphs.frames(GOOD.input)
    for a, b in zip(stream(first, pictures), stream(again, pictures), strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert first.spec == again.spec
    first.close()
    again.close()


def test_a_cached_engine_starts_without_onnxruntime(tmp_path: Path) -> None:
    script = """
import sys
from streamsr.engines.backend import CompileOptions
from streamsr.engines.compile import Candidate, compile_engine
from tests.unit.engines import graphs
graph = graphs.upscaling()
compile_engine([Candidate("fp32", graph)], graph, CompileOptions(), lambda: graphs.frames(graph.input)).close()
print("onnxruntime" in sys.modules)
"""
    root = Path(__file__).parents[3]
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
        for _ in range(2)
    ]
    assert [run.stdout.strip() for run in runs] == ["True", "False"]


def test_cache_false_leaves_nothing(cache: Path) -> None:
    build(Candidate("fp32", GOOD), cache=False).close()
    assert not cache.exists()


def test_an_unproven_engine_is_not_kept(cache: Path) -> None:
    black = tuple(np.full_like(plane, 16) for plane in graphs.frames(GOOD.input, 1)[0])
    graph = graphs.upscaling(model=identity())
    compile_engine([Candidate("fp32", graph)], graph, CompileOptions(), lambda: [black]).close()
    assert not list(cache.glob("*.engine"))


def test_the_key_covers_everything() -> None:
    openvino, onnxruntime = load_backend("openvino"), load_backend("onnxruntime")
    fp32 = Candidate("fp32", GOOD)
    keys = [
        cache_key(openvino, fp32, CompileOptions()),
        cache_key(onnxruntime, fp32, CompileOptions()),
        cache_key(openvino, Candidate("bf16", GOOD), CompileOptions()),
        cache_key(openvino, Candidate("fp32", WRONG), CompileOptions()),
        cache_key(openvino, Candidate("fp32", graphs.upscaling("nv12")), CompileOptions()),
        cache_key(openvino, Candidate("fp32", graphs.upscaling("yuv420p", 50)), CompileOptions()),
        cache_key(openvino, fp32, CompileOptions(threads=1)),
    ]
    assert len(set(keys)) == len(keys)
    assert keys[0] == cache_key(openvino, Candidate("fp32", graphs.upscaling(), "by any name"), CompileOptions())


def test_backends_say_what_they_are() -> None:
    reasons = available_backends()
    assert list(reasons) == ["tensorrt", "tensorrt-rtx", "openvino", "onnxruntime"]
    assert reasons["openvino"] is reasons["onnxruntime"] is None
    assert [backend.name for backend in choose_backends("auto")][-2:] == ["openvino", "onnxruntime"]
    assert native_precisions("onnxruntime") == ("fp32", "int8")
    assert native_precisions("auto", "CPU") == native_precisions("openvino")


def test_fp16_is_for_devices_that_compute_it() -> None:
    assert "fp16" not in native_precisions("openvino")  # a hint that rounds anywhere is never a choice of `auto`
    if "FP16" in load_backend("openvino").identity("CPU"):
        pytest.skip("this processor computes fp16")
    with pytest.raises(BuildError, match="openvino computes no fp16 on CPU"):
        load_backend("openvino").build(GOOD, "fp16", CompileOptions())


def test_a_missing_runtime_is_said_aloud(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    bundled = "streamsr.engines.onnxruntime:OnnxRuntime"
    registry = Registry("backend", {"absent": "no_such_runtime:Backend", "onnxruntime": bundled})
    monkeypatch.setattr(available, "BACKENDS", registry)
    engine = build(Candidate("fp32", GOOD))
    assert engine.spec.backend == "onnxruntime"
    assert "backend absent does not load" in caplog.text
    engine.close()
    reasons = available_backends()
    assert "no_such_runtime" in str(reasons["absent"])
    assert reasons["onnxruntime"] is None
    with pytest.raises(EngineError, match="backend absent does not load"):
        build(Candidate("fp32", GOOD), backend="absent")
    monkeypatch.setattr(available, "BACKENDS", Registry("backend", {"absent": "no_such_runtime:Backend"}))
    with pytest.raises(EngineError, match="no backend loads"):
        build(Candidate("fp32", GOOD))
