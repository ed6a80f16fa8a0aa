"""CUDA through NVIDIA's cuda-bindings: the runtime API, function by function.

Chosen over CuPy and cuda-core because an engine needs some twenty calls and no arrays, pools or kernels. The CUDA
runtime is linked into the package, so it needs a driver and nothing else; the functions are those of CUDA's own manual;
and handles become integers, which is what TensorRT takes.
"""

from __future__ import annotations

from typing import Any

from ..errors import ConfigError, DeviceMemoryError, EngineError, MissingDependencyError

EXTRA = "tensorrt"
"""The pip extra that brings cuda-bindings (so does `tensorrt-rtx`)."""

_DRIVER_TOO_OLD = 35
_OUT_OF_MEMORY = 2


def load_bindings() -> Any:
    """The module `cuda.bindings.runtime`.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        from cuda.bindings import runtime
    except ImportError as error:
        raise MissingDependencyError("cuda-bindings", EXTRA, "computing on an NVIDIA GPU") from error
    return runtime


class CudaDriver:
    """One device (`cuda.Driver`)."""

    def __init__(self, index: int) -> None:
        """Take device number `index`.

        Raises:
            MissingDependencyError: cuda-bindings is not installed.
            EngineError: there is no driver, or one too old for them.
            ConfigError: there are fewer devices.
        """
        self._cuda = load_bindings()
        self._index = index
        count = self._call("cudaGetDeviceCount")
        if index >= count:
            raise ConfigError(f"there is no device cuda:{index}: {count} NVIDIA GPUs are seen, counted from 0")
        self.activate()
        self.name: str = self._call("cudaGetDeviceProperties", index).name.decode().rstrip("\0")
        attribute = self._cuda.cudaDeviceAttr
        major = self._call("cudaDeviceGetAttribute", attribute.cudaDevAttrComputeCapabilityMajor, index)
        minor = self._call("cudaDeviceGetAttribute", attribute.cudaDevAttrComputeCapabilityMinor, index)
        self.capability = f"{major}.{minor}"

    def activate(self) -> None:
        """See `Driver.activate`."""
        self._call("cudaSetDevice", self._index)

    def alloc(self, size: int) -> int:
        """See `Driver.alloc`."""
        return int(self._call("cudaMalloc", size))

    def free(self, address: int) -> None:
        """See `Driver.free`."""
        self._call("cudaFree", address)

    def alloc_host(self, size: int) -> int:
        """See `Driver.alloc_host`."""
        return int(self._call("cudaHostAlloc", size, self._cuda.cudaHostAllocPortable))

    def free_host(self, address: int) -> None:
        """See `Driver.free_host`."""
        self._call("cudaFreeHost", address)

    def stream(self) -> int:
        """See `Driver.stream`."""
        return int(self._call("cudaStreamCreateWithFlags", self._cuda.cudaStreamNonBlocking))

    def free_stream(self, stream: int) -> None:
        """See `Driver.free_stream`."""
        self._call("cudaStreamDestroy", stream)

    def synchronize(self, stream: int) -> None:
        """See `Driver.synchronize`."""
        self._call("cudaStreamSynchronize", stream)

    def event(self, *, timed: bool = False) -> int:
        """See `Driver.event`. Waiting for it sleeps: a spinning thread would take a core from the codecs."""
        flags = self._cuda.cudaEventBlockingSync | (0 if timed else self._cuda.cudaEventDisableTiming)
        return int(self._call("cudaEventCreateWithFlags", flags))

    def free_event(self, event: int) -> None:
        """See `Driver.free_event`."""
        self._call("cudaEventDestroy", event)

    def record(self, event: int, stream: int) -> None:
        """See `Driver.record`."""
        self._call("cudaEventRecord", event, stream)

    def wait(self, event: int) -> None:
        """See `Driver.wait`."""
        self._call("cudaEventSynchronize", event)

    def seconds(self, first: int, last: int) -> float:
        """See `Driver.seconds`."""
        return float(self._call("cudaEventElapsedTime", first, last)) / 1000

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        """See `Driver.copy`. Which way it goes follows from the addresses."""
        self._call("cudaMemcpyAsync", target, source, size, self._cuda.cudaMemcpyKind.cudaMemcpyDefault, stream)

    def copy2d(
        self, target: int, target_pitch: int, source: int, source_pitch: int, width: int, rows: int, stream: int
    ) -> None:
        """See `Driver.copy2d`."""
        whole = target, target_pitch, source, source_pitch, width, rows
        self._call("cudaMemcpy2DAsync", *whole, self._cuda.cudaMemcpyKind.cudaMemcpyDefault, stream)

    def join(self, stream: int, event: int) -> None:
        """See `Driver.join`; the default stream of the whole process, not the one that threads may have."""
        self._call("cudaEventRecord", event, self._cuda.cudaStreamLegacy)
        self._call("cudaStreamWaitEvent", stream, event, self._cuda.cudaEventWaitDefault)

    def zero(self, target: int, size: int, stream: int) -> None:
        """See `Driver.zero`."""
        self._call("cudaMemsetAsync", target, 0, size, stream)

    def begin_capture(self, stream: int) -> None:
        """See `Driver.begin_capture`. Only this thread is held to what a capture allows; decoders may go on."""
        mode = self._cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call("cudaStreamBeginCapture", stream, mode)

    def end_capture(self, stream: int) -> int:
        """See `Driver.end_capture`."""
        graph = self._call("cudaStreamEndCapture", stream)
        try:
            return int(self._call("cudaGraphInstantiate", graph, 0))
        finally:
            self._call("cudaGraphDestroy", graph)

    def launch(self, graph: int, stream: int) -> None:
        """See `Driver.launch`."""
        self._call("cudaGraphLaunch", graph, stream)

    def free_graph(self, graph: int) -> None:
        """See `Driver.free_graph`."""
        self._call("cudaGraphExecDestroy", graph)

    def _call(self, function: str, *arguments: Any) -> Any:
        """What a function of the runtime returns beside its status: nothing, one thing, or a tuple."""
        status, *results = getattr(self._cuda, function)(*arguments)
        if int(status):
            self._cuda.cudaGetLastError()  # forget it: whoever asks next would take it for their own
            raise self._failure(function, status)
        return results[0] if len(results) == 1 else tuple(results)

    def _failure(self, function: str, status: Any) -> EngineError:
        if int(status) == _DRIVER_TOO_OLD:
            return EngineError(self._driver_problem())
        reason = self._cuda.cudaGetErrorString(status)[1].decode()
        short = int(status) == _OUT_OF_MEMORY and function != "cudaHostAlloc"  # that is the host's, tiles are no help
        kind = DeviceMemoryError if short else EngineError
        return kind(f"{function} failed on cuda:{self._index}: {reason}")

    def _driver_problem(self) -> str:
        has, needs = (getattr(self._cuda, name)()[1] for name in ("cudaDriverGetVersion", "cudaRuntimeGetVersion"))
        if not has:
            return "there is no NVIDIA driver here; the GPU's maker or your distribution has it"
        versions = f"the NVIDIA driver is made for CUDA {_version(has)}, cuda-bindings for {_version(needs)}"
        return f"{versions}: update the driver, or pip install 'cuda-bindings<{has // 1000 + 1}'"


def _version(number: int) -> str:
    """`13.0` of 13000."""
    return f"{number // 1000}.{number % 1000 // 10}"
