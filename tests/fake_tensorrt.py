"""A TensorRT library on a `FakeDriver`, for tests: what it is asked to run, ONNX Runtime runs on the host."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from streamsr.engines.backend import CompileOptions
from streamsr.engines.lease import memory_view
from streamsr.engines.tensorrt import TensorRT, TensorRTEngine
from streamsr.errors import EngineError
from streamsr.graph.frame_graph import FrameGraph

from .fake_cuda import FakeDriver

_MAGIC = b"fake plan\n"
_KERNELS = b"fake kernels"
_DTYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(float16)": np.float16}


def plan(graph: FrameGraph, *_: Any) -> bytes:
    """In place of `plan.build_plan`."""
    onnx.checker.check_model(graph.proto)
    return _MAGIC + graph.proto.SerializeToString()


def build_on_fake(graph: FrameGraph) -> TensorRTEngine:
    """An engine on a device of its own."""
    driver = FakeDriver()
    library = FakeTensorRT(driver, flavour="tensorrt")
    backend = TensorRT("tensorrt", module=library, drivers=lambda index: driver, planner=plan)
    return backend.build(graph, "fp32", CompileOptions(device="cuda:0"))


class FakeTensorRT:
    """The library, of either flavour. `scratch` is the device memory of one context; `refuse` makes frames fail."""

    __version__ = "11.0.fake"

    def __init__(self, driver: FakeDriver, scratch: int = 1 << 16, flavour: str = "tensorrt-rtx") -> None:
        self.driver, self.scratch = driver, scratch
        self.rtx = flavour == "tensorrt-rtx"
        self.refuse = 0
        """How many of the next frames are refused when they are put on a stream."""
        self.break_down = 0
        """How many of the next frames fail on the device."""
        self.spoil: Callable[[np.ndarray], np.ndarray] | None = None
        """What becomes of the pictures of networks in half precision."""
        self.capturable = True
        self.compiled = 0
        """How often kernels were compiled, where plans do not hold them."""

    class ILogger:
        class Severity(IntEnum):
            INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    def translate(self, plan: bytes) -> bytes:
        """The plan of this library's own that stands for one; a test may know others."""
        return plan

    def Runtime(self, logger: Any) -> _Runtime:  # noqa: N802 - the library's spelling
        return _Runtime(self, logger)


class _Runtime:
    def __init__(self, library: FakeTensorRT, logger: Any) -> None:
        self.library, self.logger = library, logger

    def deserialize_cuda_engine(self, blob: bytes) -> _Engine | None:
        blob = self.library.translate(blob)
        if not blob.startswith(_MAGIC):
            self.complain("IRuntime::deserializeCudaEngine: Error Code 1: Serialization (magic tag does not match)")
            return None
        return (_RtxEngine if self.library.rtx else _Engine)(self, onnx.load_from_string(blob[len(_MAGIC) :]))

    def complain(self, message: str) -> None:
        self.logger.log(self.library.ILogger.Severity.ERROR, message)


class _Engine:
    def __init__(self, runtime: _Runtime, proto: onnx.ModelProto) -> None:
        self.runtime = runtime
        self.half = any(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in proto.graph.initializer)
        quiet = ort.SessionOptions()
        quiet.log_severity_level, quiet.intra_op_num_threads = 3, 1
        self.session = ort.InferenceSession(proto.SerializeToString(), quiet, providers=["CPUExecutionProvider"])

    def create_execution_context(self) -> _Context | None:
        driver = self.runtime.library.driver
        if driver.room - driver.used("device") < self.runtime.library.scratch:
            self.runtime.complain("[resizingAllocator.cpp] Error Code 1: Cuda Runtime (cudaError 2: out of memory)")
            return None
        return self.context(self, driver.alloc(self.runtime.library.scratch))

    @property
    def context(self) -> type[_Context]:
        return _Context


class _RtxEngine(_Engine):
    """What TensorRT for RTX has besides: kernels of its own making."""

    def create_runtime_config(self) -> _RuntimeConfig:
        return _RuntimeConfig()

    def create_execution_context(self, config: _RuntimeConfig | None = None) -> _Context | None:
        if config is not None:
            self.runtime.library.compiled += not config.cache.kernels
            config.cache.kernels = _KERNELS
        return super().create_execution_context()

    @property
    def context(self) -> type[_Context]:
        return _RtxContext


class _RuntimeCache:
    kernels = b""

    def deserialize(self, blob: bytes) -> bool:
        self.kernels = blob if blob == _KERNELS else b""
        return bool(self.kernels)

    def serialize(self) -> bytes:
        return self.kernels


class _RuntimeConfig:
    cache: _RuntimeCache

    def create_runtime_cache(self) -> _RuntimeCache:
        return _RuntimeCache()

    def set_runtime_cache(self, cache: _RuntimeCache) -> bool:
        self.cache = cache
        return True


class _Context:
    def __init__(self, engine: _Engine, scratch: int) -> None:
        self.engine, self.scratch = engine, scratch
        self.library = engine.runtime.library
        self.tensors = {value.name: value for value in (*engine.session.get_inputs(), *engine.session.get_outputs())}
        self.addresses: dict[str, int] = {}

    def __del__(self) -> None:
        if self.scratch in self.library.driver.blocks:
            self.library.driver.activate()
            self.library.driver.free(self.scratch)

    def set_tensor_address(self, name: str, address: int) -> bool:
        if name not in self.tensors:
            self.engine.runtime.complain(f"given tensor name {name} is not an I/O tensor")
            return False
        assert address % 256 == 0
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        assert self.addresses.keys() == self.tensors.keys()
        if self.library.refuse:
            self.library.refuse -= 1
            self.engine.runtime.complain("IExecutionContext::enqueueV3: Error Code 1: Myelin ([conv_7] failed)")
            return False
        places = dict(self.addresses)
        self.library.driver.put(stream, lambda: self._run(places))
        return True

    def _run(self, places: dict[str, int]) -> None:
        if self.library.break_down:
            self.library.break_down -= 1
            raise EngineError("an illegal memory access was encountered")
        views = {name: self._view(name, address) for name, address in places.items()}
        names = [value.name for value in self.engine.session.get_outputs()]
        feed = {value.name: views[value.name].copy() for value in self.engine.session.get_inputs()}
        for name, result in zip(names, self.engine.session.run(names, feed), strict=True):
            spoilt = self.library.spoil and self.engine.half and result.dtype == np.uint8
            np.copyto(views[name], self.library.spoil(result) if spoilt else result, casting="no")

    def _view(self, name: str, address: int) -> np.ndarray:
        value = self.tensors[name]
        dtype = np.dtype(_DTYPES[value.type])
        size = int(np.prod(value.shape, dtype=int)) * dtype.itemsize
        assert self.library.driver.inside(address, size) == "device"
        return memory_view(address, size).view(dtype).reshape(value.shape)


class _RtxContext(_Context):
    def is_stream_capturable(self, stream: int) -> bool:
        return self.library.capturable
