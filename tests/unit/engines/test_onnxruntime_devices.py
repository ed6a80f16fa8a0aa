"""ONNX Runtime's other devices: which there are, how they come, and what is said when they cannot do all of it.

The provider that every build of ONNX Runtime has beside the CPU's stands in for a GPU's: it computes none of the
operators, so all of them fall back.
"""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

from streamsr.engines.available import load_backend
from streamsr.engines.backend import CompileOptions, failure
from streamsr.engines.onnxruntime_devices import PROVIDERS, Provider, make_session, provider_of
from streamsr.errors import BuildError, ConfigError, DeviceMemoryError, EngineError
from streamsr.notices import say_once

from . import graphs

GRAPH = graphs.upscaling()


def test_devices_may_be_numbered() -> None:
    assert provider_of("CPU") == (PROVIDERS["CPU"], 0)
    for wrong in ("TPU", "CPU:0", "cuda:x", "cuda:", "coreml:1"):
        with pytest.raises(ConfigError, match=f"onnxruntime has no device {wrong} "):
            provider_of(wrong)


@pytest.mark.parametrize(
    ("device", "package"),
    [("cuda:1", "onnxruntime-gpu"), ("directml", "onnxruntime-directml"), ("migraphx", "onnxruntime-migraphx")],
)
def test_a_missing_provider_names_the_package(device: str, package: str) -> None:
    name = PROVIDERS[device.partition(":")[0]].name
    if name in ort.get_available_providers():
        pytest.skip("it is there")
    with pytest.raises(ConfigError, match=f"computes on CPU, not on .*pip install {package}"):
        load_backend("onnxruntime").identity(device)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """A device whose provider is there and does nothing."""
    monkeypatch.setitem(PROVIDERS, "azure", Provider("AzureExecutionProvider", "onnxruntime", numbered=False))
    say_once.cache_clear()
    assert "AzureExecutionProvider" in ort.get_available_providers()
    return "azure"


def test_falling_back_to_the_cpu_is_said_aloud_once(elsewhere: str, caplog: pytest.LogCaptureFixture) -> None:
    backend = load_backend("onnxruntime")
    assert backend.precisions(elsewhere) == ("fp32", "fp16")
    picture = graphs.frames(GRAPH.input, 1)[0]
    results = []
    for device in (elsewhere, elsewhere, "CPU"):
        engine = backend.build(GRAPH, "fp32", CompileOptions(threads=1, device=device))
        results.append(engine.result(engine.submit(picture)))
        assert engine.spec.device == device
        engine.close()
    assert all(np.array_equal(a, b) for a, b in zip(results[0], results[2], strict=True))
    (warning,) = caplog.messages
    assert "computes a part of each frame on the CPU, which azure has no operators for" in warning


def test_falling_back_is_not_the_wrappers_business(elsewhere: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It would print, and go on with whatever provider it likes."""
    for device in (elsewhere, "CPU"):
        session = make_session(GRAPH.proto.SerializeToString(), device, ort.SessionOptions)
        assert session._enable_fallback is False
    assert capsys.readouterr().out == ""


def test_a_gpus_memory_is_told_by_its_words() -> None:
    for text in (
        "CUDA failure 2: out of memory",
        "Failed to allocate memory for requested buffer",
        "CL_OUT_OF_RESOURCES",
    ):
        assert type(failure(BuildError, text, "cuda:1")) is DeviceMemoryError
        assert type(failure(EngineError, text, "CPU")) is EngineError
    assert type(failure(EngineError, "no such operator", "GPU")) is EngineError


def test_what_cannot_be_compiled_is_a_build_error_there_too(elsewhere: str) -> None:
    backend = load_backend("onnxruntime")
    graph = graphs.passthrough()
    graph.proto.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(BuildError, match="NoSuchOperator"):
        backend.build(graph, "fp32", CompileOptions(device=elsewhere))
    with pytest.raises(BuildError, match="no precision 'int8' on azure"):
        backend.build(graphs.passthrough(), "int8", CompileOptions(device=elsewhere))
