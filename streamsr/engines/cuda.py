"""What engines ask of CUDA, as a protocol, and where it comes from.

One implementation is real (`cuda_runtime`); the tests have another, which records the calls and keeps "device"
memory on the host. Addresses and handles are plain integers, as TensorRT takes them.
"""

from __future__ import annotations

import ctypes
import re
import sys
from functools import cache
from typing import Protocol

from ..errors import ConfigError, EngineError

CUDA = "cuda"
"""A device's name is `cuda:0`, `cuda:1`, …; without a number it is the first."""

_DEVICE = re.compile(rf"{CUDA}(?::(\d+))?")
_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_BLOCKING_SYNC = 4
"""CUDA's flag of contexts that wait asleep."""


class Driver(Protocol):
    """Memory, copies, streams, events and graphs of one device.

    Every call but `activate` works on the device that is active in the calling thread. What is put on a stream
    happens in that order, some time later; `wait` and `synchronize` wait for it without keeping the CPU busy.

    Raises:
        DeviceMemoryError: of anything that allocates on the device.
        EngineError: CUDA refused, or something that was put on a stream earlier has failed.
    """

    @property
    def name(self) -> str:
        """What the device calls itself, `NVIDIA H100 80GB HBM3`."""
        ...

    @property
    def capability(self) -> str:
        """Its compute capability, `9.0`."""
        ...

    def activate(self) -> None:
        """Make the device the calling thread's; it stays that for whoever else uses CUDA there."""
        ...

    def alloc(self, size: int) -> int:
        """Device memory, aligned to 256 bytes or more."""
        ...

    def free(self, address: int) -> None:
        """Give device memory back; waits for the device."""
        ...

    def alloc_host(self, size: int) -> int:
        """Host memory that stays in place, so that copies to and from the device need no CPU; EngineError for want."""
        ...

    def free_host(self, address: int) -> None:
        """Give such host memory back."""
        ...

    def stream(self) -> int:
        """A stream that waits for no other, the default one included."""
        ...

    def free_stream(self, stream: int) -> None:
        """Destroy a stream on which nothing is left to be done."""
        ...

    def synchronize(self, stream: int) -> None:
        """Wait until all that was put on a stream has happened."""
        ...

    def event(self, *, timed: bool = False) -> int:
        """A mark to be put on a stream and waited for; with `timed`, one that knows when it was reached."""
        ...

    def free_event(self, event: int) -> None:
        """Destroy an event."""
        ...

    def record(self, event: int, stream: int) -> None:
        """Put an event on a stream."""
        ...

    def wait(self, event: int) -> None:
        """Wait until all has happened that was on the stream before the event."""
        ...

    def seconds(self, first: int, last: int) -> float:
        """The time between two timed events, by the device's clock; both have been reached."""
        ...

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        """Put a copy of `size` bytes on a stream, between any two memories."""
        ...

    def copy2d(
        self, target: int, target_pitch: int, source: int, source_pitch: int, width: int, rows: int, stream: int
    ) -> None:
        """Put a copy of `rows` rows of `width` bytes on a stream, between memories with pitches of their own."""
        ...

    def join(self, stream: int, event: int) -> None:
        """Let a stream wait for what everybody, FFmpeg above all, has put on the default one; `event` is used for it.

        Streams of ours wait for no other by themselves, and FFmpeg copies what it has decoded on the default stream.
        """
        ...

    def zero(self, target: int, size: int, stream: int) -> None:
        """Put the clearing of device memory on a stream."""
        ...

    def begin_capture(self, stream: int) -> None:
        """From now on, what this thread puts on the stream goes into a graph instead."""
        ...

    def end_capture(self, stream: int) -> int:
        """The graph, ready to be launched. The capture is over even where this raises."""
        ...

    def launch(self, graph: int, stream: int) -> None:
        """Put all that was captured on a stream, in one call."""
        ...

    def free_graph(self, graph: int) -> None:
        """Destroy a graph that is not at work."""
        ...


def device_index(device: str) -> int:
    """The number in `cuda:1`; 0 for `cuda`.

    Raises:
        ConfigError: another kind of device.
    """
    match = _DEVICE.fullmatch(device)
    if match is None:
        raise ConfigError(f"{device!r} is no NVIDIA GPU; write cuda, or cuda:1 for the second one")
    return int(match[1] or 0)


def device_name(index: int) -> str:
    """The inverse of `device_index`, with a number in any case."""
    return f"{CUDA}:{index}"


def device_count() -> int:
    """NVIDIA GPUs that the driver shows this process; 0 without a driver. Needs no package."""
    return driver_state()[1]


@cache
def driver_state() -> tuple[int | None, int]:
    """What the driver answers when it is started, CUDA's code (0 is well, None: there is no driver), and its GPUs."""
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError:
        return None, 0
    count = ctypes.c_int(0)
    code = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    return code, 0 if code else count.value


@cache
def share_context(index: int) -> None:
    """Open the primary context of a device as FFmpeg does, so that FFmpeg and the runtime can have it both.

    FFmpeg takes none that is open with other flags than its own, and the runtime's are others; so this comes before
    both. A context that somebody has opened already stays as it is. What fails here, FFmpeg will say.
    """
    if index >= device_count():
        return
    driver = ctypes.CDLL(_DRIVER)
    device, context = ctypes.c_int(), ctypes.c_void_p()
    flags, active = ctypes.c_uint(), ctypes.c_int()
    if driver.cuDeviceGet(ctypes.byref(device), index):
        return
    if driver.cuDevicePrimaryCtxGetState(device, ctypes.byref(flags), ctypes.byref(active)) or active.value:
        return
    if not driver.cuDevicePrimaryCtxSetFlags(device, _BLOCKING_SYNC):
        driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device)  # flags cannot change while it is open


def require_gpu() -> None:
    """See that there is a GPU, and the package that leads to it; no device is touched.

    Raises:
        MissingDependencyError: cuda-bindings is not installed.
        EngineError: there is no GPU or no driver.
    """
    if not device_count():
        raise EngineError("there is no NVIDIA GPU here, or no driver for it; `streamsr doctor` says more")
    from .cuda_runtime import load_bindings

    load_bindings()


@cache
def open_driver(index: int) -> Driver:
    """The driver of one device.

    Raises:
        MissingDependencyError, EngineError: as `require_gpu`; or the driver is too old for the package.
        ConfigError: there are fewer devices.
    """
    require_gpu()
    from .cuda_runtime import CudaDriver

    return CudaDriver(index)
