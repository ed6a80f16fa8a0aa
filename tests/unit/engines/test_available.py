"""Which backend `auto` takes, and what is said about those it cannot take."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamsr.engines import available
from streamsr.engines.available import choose_backends, home_of, native_precisions
from streamsr.errors import ConfigError, EngineError, MissingDependencyError
from streamsr.notices import say_once
from streamsr.registry import Registry


class Backend:
    """As much of one as choosing takes."""

    version = "1"

    def __init__(self, name: str, device: str, precisions: tuple[str, ...]) -> None:
        self.name, self.device, self._precisions = name, device, precisions

    def identity(self, device: str) -> str:
        if device.partition(":")[0] != self.device.partition(":")[0]:
            raise ConfigError(f"{self.name} has no device {device}")
        return device

    def precisions(self, device: str) -> tuple[str, ...]:
        self.identity(device)
        return self._precisions


def tensorrt() -> Backend:
    return Backend("tensorrt", "cuda:0", ("fp32", "fp16"))


def rtx() -> Backend:
    return Backend("tensorrt-rtx", "cuda:0", ("fp32", "fp16"))


def openvino() -> Backend:
    return Backend("openvino", "CPU", ("fp32", "bf16"))


def missing() -> Backend:
    raise MissingDependencyError("tensorrt", "tensorrt", "computing on an NVIDIA GPU")


def broken() -> Backend:
    raise OSError("libnvinfer.so.11: cannot open shared object file")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A machine with so many GPUs, whose two TensorRTs are these."""

    def make(gpus: int, first: Callable, second: Callable) -> None:
        say_once.cache_clear()
        entries = {"tensorrt": first, "tensorrt-rtx": second, "openvino": openvino}
        places = {name: f"{__name__}:{function.__name__}" for name, function in entries.items()}
        monkeypatch.setattr(available, "BACKENDS", Registry("backend", places))
        monkeypatch.setattr(available, "device_count", lambda: gpus)

    return make


def chosen(device: str = "auto") -> list[str]:
    return [backend.name for backend in choose_backends("auto", device)]


def test_a_gpu_comes_first(machine, caplog: pytest.LogCaptureFixture) -> None:
    machine(1, tensorrt, rtx)
    assert chosen() == ["tensorrt", "tensorrt-rtx", "openvino"]
    assert native_precisions() == ("fp32", "fp16")
    assert caplog.messages == []


def test_where_engines_take_planes_is_told_without_opening_a_device(
    machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object) -> str:
        raise AssertionError("a device was opened")

    monkeypatch.setattr(Backend, "identity", opened)
    machine(2, missing, rtx)
    assert [home_of("auto", device) for device in ("auto", "cuda", "cuda:1")] == ["cuda:0", "cuda:0", "cuda:1"]
    assert home_of("tensorrt-rtx", "cuda:1") == "cuda:1"
    assert [home_of("auto", device) for device in ("cuda:2", "CPU", "GPU")] == [None] * 3
    assert [home_of(backend, "cuda:0") for backend in ("tensorrt", "openvino")] == [None] * 2
    machine(0, tensorrt, rtx)
    assert home_of("auto") is home_of("tensorrt") is None


def test_without_a_gpu_nothing_is_said_of_it(machine, caplog: pytest.LogCaptureFixture) -> None:
    machine(0, missing, missing)
    assert chosen() == ["openvino"]
    assert native_precisions() == ("fp32", "bf16")
    assert caplog.messages == []


def test_one_tensorrt_is_enough(machine, caplog: pytest.LogCaptureFixture) -> None:
    machine(1, missing, rtx)
    assert chosen() == ["tensorrt-rtx", "openvino"]
    machine(1, tensorrt, missing)
    assert chosen() == ["tensorrt", "openvino"]
    assert caplog.messages == []


def test_a_gpu_that_cannot_be_used_is_said_aloud_once(machine, caplog: pytest.LogCaptureFixture) -> None:
    machine(1, missing, broken)
    assert chosen() == chosen() == ["openvino"]
    first, second = caplog.messages
    assert "pip install 'streamsr[tensorrt]'; trying the next backend, which may be slower" in first
    assert "backend tensorrt-rtx does not load: libnvinfer.so.11" in second


def test_a_device_chooses_its_backends(machine, caplog: pytest.LogCaptureFixture) -> None:
    machine(1, tensorrt, rtx)
    assert chosen("cuda:1") == ["tensorrt", "tensorrt-rtx"]
    assert chosen("CPU") == ["openvino"]
    assert caplog.messages == []
    machine(0, missing, missing)
    with pytest.raises(EngineError, match=r"for cuda:1: there is no NVIDIA GPU here, .*; openvino has no"):
        chosen("cuda:1")
    machine(1, tensorrt, rtx)
    with pytest.raises(EngineError, match=r"no backend loads for NPU: openvino has no device NPU"):
        chosen("NPU")


def test_another_device_needs_no_tensorrt(machine, caplog: pytest.LogCaptureFixture) -> None:
    machine(1, missing, broken)
    assert chosen("CPU") == ["openvino"]
    assert caplog.messages == []
