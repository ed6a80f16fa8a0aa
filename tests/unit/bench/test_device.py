"""What NVML would tell, told by a stand-in: no GPU is at hand here."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace

import pytest

from streamsr.bench import device
from streamsr.bench.device import Gpu, GpuReading, GpuWatch, device_seconds, gpus, resident_mib


class NVMLError(Exception):
    pass


@dataclass
class Cards:
    """Two cards; this process has 3 GiB of either."""

    millijoules: int = 0
    telling_processes: bool = True
    has_counter: bool = True
    asked: list[object] = field(default_factory=list)

    def module(self) -> ModuleType:
        """As nvidia-ml-py names and types things."""
        nvml = ModuleType("pynvml")
        nvml.__dict__.update(
            NVMLError=NVMLError,
            nvmlInit=lambda: None,
            nvmlSystemGetDriverVersion=lambda: "575.10",
            nvmlDeviceGetCount=lambda: 2,
            nvmlDeviceGetHandleByIndex=self.handle,
            nvmlDeviceGetHandleByUUID=self.handle,
            nvmlDeviceGetName=lambda card: f"Card {card}",
            nvmlDeviceGetMemoryInfo=lambda card: SimpleNamespace(total=8 << 30, used=5 << 30),
            nvmlDeviceGetComputeRunningProcesses=self.processes,
            nvmlDeviceGetTotalEnergyConsumption=self.energy,
        )
        return nvml

    def handle(self, name: object) -> object:
        self.asked.append(name)
        return name

    def processes(self, card: object) -> list[SimpleNamespace]:
        mine = (3 << 30) if self.telling_processes else None
        return [SimpleNamespace(pid=1, usedGpuMemory=9 << 30), SimpleNamespace(pid=os.getpid(), usedGpuMemory=mine)]

    def energy(self, card: object) -> int:
        if not self.has_counter:
            raise NVMLError("not supported")
        return self.millijoules


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cards]:
    cards = Cards()
    monkeypatch.setitem(sys.modules, "pynvml", cards.module())
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    device._nvml.cache_clear()
    yield cards
    device._nvml.cache_clear()


@pytest.fixture
def no_nvml(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    device._nvml.cache_clear()
    yield
    device._nvml.cache_clear()


def test_cards_are_listed_with_their_driver(nvml: Cards) -> None:
    assert gpus() == [Gpu("Card 0", "575.10", 8192), Gpu("Card 1", "575.10", 8192)]


def test_memory_and_power_of_the_card_at_work(nvml: Cards, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 12.0])
    monkeypatch.setattr(device.time, "perf_counter", lambda: next(times))
    watch = GpuWatch("cuda:1")
    with watch.watching():
        nvml.millijoules = 200_000
        watch.look()
    assert watch.reading == GpuReading(vram_mib=3 * 1024, watts=100.0)
    assert nvml.asked == [1]


def test_a_driver_that_does_not_tell_processes_apart_tells_of_all(nvml: Cards) -> None:
    nvml.telling_processes, nvml.has_counter = False, False
    watch = GpuWatch("cuda:0")
    with watch.watching():
        watch.look()
    assert watch.reading == GpuReading(vram_mib=5 * 1024, watts=None)


@pytest.mark.parametrize(("visible", "asked"), [("3,1", 1), ("GPU-a,GPU-b", "GPU-b"), ("", 1)])
def test_cuda_numbers_the_cards_that_it_sees(
    nvml: Cards, monkeypatch: pytest.MonkeyPatch, visible: str, asked: object
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    GpuWatch("cuda:1")
    assert nvml.asked == [asked]


def test_nothing_is_asked_about_a_cpu(nvml: Cards) -> None:
    for name in ("CPU", "GPU"):
        watch = GpuWatch(name)
        with watch.watching():
            watch.look()
        assert watch.reading == GpuReading()
    assert nvml.asked == []


def test_a_machine_without_nvml_has_no_cards(no_nvml: None) -> None:
    assert gpus() == []
    assert GpuWatch("cuda:0").reading == GpuReading()


def test_only_engines_with_a_clock_tell_device_time() -> None:
    clock = SimpleNamespace(device_seconds=lambda frames: 0.002 * frames)
    assert device_seconds(clock, 5) == pytest.approx(0.01)  # type: ignore[arg-type]
    assert device_seconds(SimpleNamespace(), 5) is None  # type: ignore[arg-type]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_memory_in_ram_grows_with_what_is_written() -> None:
    gc.collect()  # what the tests before have left must not go meanwhile
    before = resident_mib()
    block = bytearray(b"x") * (256 << 20)
    after = resident_mib()
    assert before is not None
    assert after is not None
    assert after - before > 150
    assert block[-1:] == b"x"
