"""ONNX Runtime: the numeric reference, the engine where OpenVINO does not load, and a way to GPUs of every maker."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort

from ..errors import BuildError, EngineError
from ..graph.requantize import requantized
from .backend import CPU, CompileOptions, failure
from .base import Array, EngineSpec, describe
from .device import cpu_name
from .onnxruntime_devices import make_session, provider_of
from .runner import Runner

if TYPE_CHECKING:
    import onnx

    from ..graph.frame_graph import FrameGraph

_PRECISIONS = ("fp32", "int8")
_PRECISIONS_ELSEWHERE = ("fp32", "fp16")
_DEPTH = 2  # one runs on all cores, one waits


class OnnxRuntime:
    """The backend `onnxruntime`."""

    name = "onnxruntime"
    device = CPU
    tells_memory = False
    version: str = ort.__version__

    def identity(self, device: str) -> str:
        """See `Backend.identity`. Other devices tell no name: what is cached for one is the knowledge that it works."""
        provider_of(device)
        return f"CPU {cpu_name()}" if device == CPU else device

    def precisions(self, device: str) -> tuple[str, ...]:
        """See `Backend.precisions`."""
        return _PRECISIONS if device == CPU else _PRECISIONS_ELSEWHERE

    def build(self, graph: FrameGraph, precision: str, options: CompileOptions) -> OnnxRuntimeEngine:
        """See `Backend.build`."""
        here = self.precisions(options.device)
        if precision not in here:
            raise BuildError(
                f"onnxruntime has no precision {precision!r} on {options.device} (there are: {', '.join(here)})"
            )
        proto = _typed(graph, precision).SerializeToString()
        session = make_session(proto, options.device, partial(_session_options, options))
        spec = describe(graph, backend="onnxruntime", precision=precision, device=options.device, depth=_DEPTH)
        return OnnxRuntimeEngine(session, spec)

    def restore(self, blob: bytes, graph: FrameGraph, precision: str, options: CompileOptions) -> OnnxRuntimeEngine:  # noqa: ARG002
        """See `Backend.restore`. There is no blob: a session starts from the graph as fast as from an optimized one."""
        return self.build(graph, precision, options)


def _typed(graph: FrameGraph, precision: str) -> onnx.ModelProto:
    """The graph with its precision written into it."""
    if precision == "fp16":
        from ..graph.precision import half

        return half(graph).proto
    return requantized(graph.proto) if precision == "int8" else graph.proto


def _session_options(options: CompileOptions) -> ort.SessionOptions:
    session = ort.SessionOptions()
    session.intra_op_num_threads = options.threads or 0
    session.enable_cpu_mem_arena = False  # it would hold twice the memory, for a tenth of the time
    # spinning threads win a little alone and lose a lot beside a decoder and an encoder
    session.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return session


class OnnxRuntimeEngine(Runner["Future[list[Array]]"]):
    """A session driven by one thread of its own, so that the caller decodes while it computes."""

    def __init__(self, session: ort.InferenceSession, spec: EngineSpec) -> None:
        super().__init__(spec)
        self._session: ort.InferenceSession | None = session
        self._names = [tensor.name for tensor in (*spec.outputs, *(after for _, after in spec.state))]
        self._state: dict[str, Array] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="onnxruntime")

    def export(self) -> bytes:
        """See `CompiledEngine.export`: nothing."""
        return b""

    def _start(self, inputs: Sequence[Array], fresh: bool) -> Future[list[Array]]:
        feed = {spec.name: np.array(array, order="C") for spec, array in zip(self.spec.inputs, inputs, strict=True)}
        if fresh:
            self._state = {before.name: np.zeros(before.shape, before.dtype) for before, _ in self.spec.state}
        if self.spec.reset is not None:
            feed[self.spec.reset.name] = np.full(self.spec.reset.shape, fresh, self.spec.reset.dtype)
        return self._thread.submit(self._run, feed)

    def _run(self, feed: dict[str, Array]) -> list[Array]:
        assert self._session is not None
        outputs: list[Array] = self._session.run(self._names, feed | self._state)
        count = len(self.spec.outputs)
        self._state = {before.name: new for (before, _), new in zip(self.spec.state, outputs[count:], strict=True)}
        return outputs[:count]

    def _finish(self, job: Future[list[Array]]) -> tuple[Array, ...]:
        try:
            return tuple(job.result())
        except Exception as error:
            raise failure(EngineError, f"onnxruntime failed on a frame: {error}", self.spec.device) from error

    def _release(self, pending: Sequence[Future[list[Array]]]) -> None:
        for job in pending:
            job.cancel()
        self._thread.shutdown(wait=True)
        self._session = None
