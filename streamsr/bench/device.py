"""What devices tell of themselves: memory, power, their own clock. Where they do not tell, None."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ..engines.base import Engine
from ..engines.cuda import CUDA, device_index

_STATUS = Path("/proc/self/status")
_MIB = 1 << 20


@runtime_checkable
class DeviceClock(Protocol):
    """What an engine has beside its contract if its device tells the time by events of its own."""

    def device_seconds(self, frames: int) -> float:
        """Compute so many frames of whatever lies in its inputs, nothing else at work; the seconds between two events
        around them, transfers left out."""
        ...


@dataclass(frozen=True, slots=True)
class Gpu:
    """A graphics card, as its driver describes it."""

    name: str
    driver: str
    memory_mib: int


@dataclass(slots=True)
class GpuReading:
    """What a card did in a while."""

    vram_mib: float | None = None
    """The most memory this process had of it, or, where the driver does not tell processes apart, everybody."""
    watts: float | None = None
    """Mean power of the whole card."""


def device_seconds(engine: Engine, frames: int) -> float | None:
    """What so many frames take by the device's own clock; None for a CPU."""
    return engine.device_seconds(frames) if isinstance(engine, DeviceClock) else None


def resident_mib() -> float | None:
    """Memory of this process that is in RAM now, in MiB; None where the system does not tell (other than Linux)."""
    try:
        lines = _STATUS.read_text("ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), None)


def gpus() -> list[Gpu]:
    """The NVIDIA cards of this machine; none where `pynvml` is not installed or finds no driver."""
    nvml = _nvml()
    if nvml is None:
        return []
    driver = str(nvml.nvmlSystemGetDriverVersion())
    handles = (nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount()))
    return [
        Gpu(str(nvml.nvmlDeviceGetName(handle)), driver, nvml.nvmlDeviceGetMemoryInfo(handle).total // _MIB)
        for handle in handles
    ]


class GpuWatch:
    """Looks at one card while frames are computed on it. On a CPU, or where nothing can be known, it finds nothing."""

    def __init__(self, device: str) -> None:
        """Watch `device`, `cuda:0` for the first card that CUDA sees."""
        self.reading = GpuReading()
        self._nvml = _nvml() if device.startswith(CUDA) else None
        self._card = _card(self._nvml, device_index(device)) if self._nvml else None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Measure the power of what happens meanwhile."""
        before, since = self._joules(), time.perf_counter()
        yield
        after, seconds = self._joules(), time.perf_counter() - since
        if before is not None and after is not None:
            self.reading.watts = (after - before) / seconds

    def look(self) -> None:
        """Take note of the memory in use now."""
        if self._nvml is None:
            return
        used = self._memory(self._nvml)
        if used is not None:
            self.reading.vram_mib = max(used / _MIB, self.reading.vram_mib or 0.0)

    def _memory(self, nvml: Any) -> int | None:
        """Bytes of this process; of everybody, where processes are not told apart (in a container, say)."""
        try:
            processes = nvml.nvmlDeviceGetComputeRunningProcesses(self._card)
            ours = next((each.usedGpuMemory for each in processes if each.pid == os.getpid()), None)
            used = nvml.nvmlDeviceGetMemoryInfo(self._card).used if ours is None else ours
        except nvml.NVMLError:
            return None
        return int(used)

    def _joules(self) -> float | None:
        """The card's energy counter; cards before Volta have none."""
        if self._nvml is None:
            return None
        try:
            return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._card)) / 1000
        except self._nvml.NVMLError:
            return None


@cache
def _nvml() -> Any:
    """The bindings of NVML (the package nvidia-ml-py), ready; None where there are none, or no driver."""
    try:
        nvml = import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # its own errors exist only once it is imported; whatever it is, nothing can be asked
        return None
    return nvml


def _card(nvml: Any, index: int) -> Any:
    """CUDA counts the cards that `CUDA_VISIBLE_DEVICES` leaves, by number or by UUID; NVML counts all."""
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    chosen = visible[index] if index < len(visible) else str(index)
    if chosen.isdecimal():
        return nvml.nvmlDeviceGetHandleByIndex(int(chosen))
    return nvml.nvmlDeviceGetHandleByUUID(chosen)
