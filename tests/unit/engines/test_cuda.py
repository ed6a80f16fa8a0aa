"""The CUDA layer: names of devices, and that the real bindings take every call as it is made."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from streamsr.engines import cuda
from streamsr.engines.cuda import device_count, device_index, open_driver, share_context
from streamsr.engines.cuda_runtime import CudaDriver, load_bindings
from streamsr.errors import ConfigError, DeviceMemoryError, EngineError
from tests.fake_cuda import FakeDriver


def test_names_of_devices() -> None:
    assert [device_index(name) for name in ("cuda", "cuda:0", "cuda:1", "cuda:12")] == [0, 0, 1, 12]
    for wrong in ("", "CPU", "cuda:", "cuda:-1", "cuda:x", "gpu:0", "cuda:0:1"):
        with pytest.raises(ConfigError, match="write cuda, or cuda:1 for the second one"):
            device_index(wrong)


def test_the_double_has_what_the_real_one_has() -> None:
    ours = {name for name in vars(CudaDriver) if not name.startswith("_")}
    assert ours <= set(dir(FakeDriver))


@pytest.fixture
def without_driver() -> CudaDriver:
    """The real driver layer, on bindings that find no driver: each call goes as far as that."""
    if device_count():
        return CudaDriver(0)
    driver = object.__new__(CudaDriver)
    driver._cuda, driver._index = load_bindings(), 0
    return driver


CALLS = {
    "activate": (),
    "alloc": (1024,),
    "free": (1 << 20,),
    "alloc_host": (1024,),
    "free_host": (1 << 20,),
    "stream": (),
    "free_stream": (1 << 20,),
    "synchronize": (1 << 20,),
    "event": (),
    "free_event": (1 << 20,),
    "record": (1 << 20, 1 << 21),
    "wait": (1 << 20,),
    "copy": (1 << 20, 1 << 21, 1024, 1 << 22),
    "copy2d": (1 << 20, 256, 1 << 21, 512, 96, 64, 1 << 22),
    "join": (1 << 20, 1 << 21),
    "zero": (1 << 20, 1024, 1 << 22),
    "begin_capture": (1 << 20,),
    "end_capture": (1 << 20,),
    "launch": (1 << 20, 1 << 21),
    "free_graph": (1 << 20,),
    "seconds": (1 << 20, 1 << 21),
}


@pytest.mark.tensorrt_rtx  # the extra brings the bindings
@pytest.mark.parametrize("call", CALLS)
def test_the_bindings_take_integers_everywhere(call: str, without_driver: CudaDriver) -> None:
    if device_count():
        pytest.skip("made-up addresses are for machines that cannot follow them")
    with pytest.raises(EngineError, match="there is no NVIDIA driver here"):
        getattr(without_driver, call)(*CALLS[call])


def test_every_call_is_among_them() -> None:
    assert CALLS.keys() == {name for name in vars(CudaDriver) if not name.startswith("_")}


def bindings(status: int, driver: int = 13000) -> SimpleNamespace:
    """cuda-bindings whose allocations fail with that status."""
    forgotten: list[int] = []
    reasons = {2: b"out of memory", 700: b"an illegal memory access was encountered"}
    functions = {
        "cudaMalloc": lambda size: (status, None),
        "cudaHostAlloc": lambda size, flags: (status, None),
        "cudaHostAllocPortable": 1,
        "cudaGetLastError": lambda: forgotten.append(status),
        "cudaGetErrorString": lambda status: (0, reasons[status]),
        "cudaDriverGetVersion": lambda: (0, driver),
        "cudaRuntimeGetVersion": lambda: (0, 13050),
    }
    return SimpleNamespace(**functions, forgotten=forgotten)


@pytest.mark.parametrize(
    ("cuda", "kind", "text"),
    [
        (bindings(2), DeviceMemoryError, "cudaMalloc failed on cuda:1: out of memory"),
        (bindings(700), EngineError, "cudaMalloc failed on cuda:1: an illegal memory access was encountered"),
        (bindings(35, 12040), EngineError, "made for CUDA 12.4, cuda-bindings for 13.5: .* 'cuda-bindings<13'"),
        (bindings(35, 0), EngineError, "there is no NVIDIA driver here"),
    ],
)
def test_failures_are_told_apart(cuda: SimpleNamespace, kind: type[EngineError], text: str) -> None:
    driver = object.__new__(CudaDriver)
    driver._cuda, driver._index = cuda, 1
    with pytest.raises(kind) as caught:
        driver.alloc(1)
    assert type(caught.value) is kind
    assert re.search(text, str(caught.value))
    assert len(cuda.forgotten) == 1  # the next call that asks for the last error is told of its own


def test_pinned_memory_is_not_the_devices() -> None:
    driver = object.__new__(CudaDriver)
    driver._cuda, driver._index = bindings(2), 1
    with pytest.raises(EngineError, match="cudaHostAlloc failed") as caught:
        driver.alloc_host(1)
    assert type(caught.value) is EngineError


def test_a_machine_without_a_gpu_says_so() -> None:
    if device_count():
        pytest.skip("there is one")
    with pytest.raises(EngineError, match="there is no NVIDIA GPU here, or no driver for it; `streamsr doctor`"):
        open_driver(0)


class Library:
    """The driver's library, as far as contexts go: flags of the primary one, and whether it is open."""

    def __init__(self, flags: int = 0, *, active: bool = False) -> None:
        self.flags, self.active, self.retained = flags, active, 0

    def cuDeviceGet(self, device, index: int) -> int:  # noqa: N802 - the library's spelling, here and below
        device._obj.value = index
        return 0

    def cuDevicePrimaryCtxGetState(self, device: ctypes.c_int, flags, active) -> int:  # noqa: N802
        flags._obj.value, active._obj.value = self.flags, self.active
        return 0

    def cuDevicePrimaryCtxSetFlags(self, device: ctypes.c_int, flags: int) -> int:  # noqa: N802
        assert not self.active
        self.flags = flags
        return 0

    def cuDevicePrimaryCtxRetain(self, context, device: ctypes.c_int) -> int:  # noqa: N802
        self.active = True
        self.retained += 1
        return 0


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    library = Library()
    monkeypatch.setattr(cuda.ctypes, "CDLL", lambda name: library)
    monkeypatch.setattr(cuda, "device_count", lambda: 1)
    share_context.cache_clear()
    yield library
    share_context.cache_clear()


def test_a_context_is_opened_as_ffmpeg_shares_it(library: Library) -> None:
    for _ in range(2):
        share_context(0)
    assert (library.flags, library.retained) == (4, 1)  # CU_CTX_SCHED_BLOCKING_SYNC
    share_context(1)  # there is none; FFmpeg says so
    assert library.retained == 1


def test_the_context_of_somebody_else_is_left_alone(library: Library) -> None:
    library.flags, library.active = 8, True
    share_context(0)
    assert (library.flags, library.retained) == (8, 0)


def test_a_context_that_cannot_be_shared_is_no_error(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    for call in ("cuDeviceGet", "cuDevicePrimaryCtxGetState", "cuDevicePrimaryCtxSetFlags"):
        with monkeypatch.context() as patch:
            patch.setattr(library, call, lambda *_: 999)
            share_context(0)
        share_context.cache_clear()
    assert not library.retained


def test_the_real_device_moves_bytes() -> None:
    """On a machine that has one; the check of the others is `scripts/gpu-check`'s."""
    if not device_count():
        pytest.skip("there is none")
    driver = open_driver(0)
    driver.activate()
    stream, device, host = driver.stream(), driver.alloc(4096), driver.alloc_host(8192)
    ctypes.memset(host, 7, 4096)
    driver.copy(device, host, 4096, stream)
    driver.copy(host + 4096, device, 4096, stream)
    driver.synchronize(stream)
    assert np.all(np.ctypeslib.as_array((ctypes.c_uint8 * 8192).from_address(host)) == 7)
    driver.free(device)
    driver.free_host(host)
    driver.free_stream(stream)
