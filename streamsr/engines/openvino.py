"""OpenVINO: the default on CPUs. Several frames in flight when the graph keeps no state, one when it does."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov

from ..errors import BuildError, ConfigError, EngineError
from .backend import CompileOptions, failure
from .base import Array, EngineSpec, describe
from .runner import Runner

if TYPE_CHECKING:
    from ..graph.frame_graph import FrameGraph

log = logging.getLogger(__name__)

# int8 graphs compute in f32 what is not quantized: the residual and the colours stay exact
_HINTS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16", "int8": "f32"}


@cache
def _core() -> ov.Core:
    return ov.Core()


class OpenVINO:
    """The backend `openvino`."""

    name = "openvino"
    device = "CPU"
    tells_memory = False
    version: str = ov.__version__

    def identity(self, device: str) -> str:
        """See `Backend.identity`. The abilities count too: virtual machines call very different CPUs the same."""
        name = _property(device, "FULL_DEVICE_NAME")
        return f"{device} {name} [{' '.join(sorted(_property(device, 'OPTIMIZATION_CAPABILITIES')))}]"

    def precisions(self, device: str) -> tuple[str, ...]:
        """See `Backend.precisions`. fp16 is for those who ask: as a hint it rounds anywhere, optical flow included."""
        abilities = _property(device, "OPTIMIZATION_CAPABILITIES")
        return ("fp32", *(name for name in ("bf16", "int8") if name.upper() in abilities))

    def build(self, graph: FrameGraph, precision: str, options: CompileOptions) -> OpenVINOEngine:
        """See `Backend.build`."""
        settings = _settings(graph, precision, options)
        try:
            model = _core().read_model(graph.proto.SerializeToString(), b"")
            compiled = _core().compile_model(model, options.device, settings)
        except RuntimeError as error:
            text = f"openvino does not compile the frame graph for {options.device}: {error}"
            raise failure(BuildError, text, options.device) from error
        return _engine(compiled, graph, precision, options)

    def restore(self, blob: bytes, graph: FrameGraph, precision: str, options: CompileOptions) -> OpenVINOEngine:
        """See `Backend.restore`. The settings are given again: a blob forgets them, precision included."""
        if not blob:
            return self.build(graph, precision, options)
        settings = _settings(graph, precision, options)
        try:
            compiled = _core().import_model(blob, options.device, settings)
        except RuntimeError as error:
            raise BuildError(f"openvino does not load the cached engine: {error}") from error
        return _engine(compiled, graph, precision, options)


def _property(device: str, key: str) -> Any:
    try:
        return _core().get_property(device, key)
    except RuntimeError as error:
        raise ConfigError(f"openvino has no device {device} here (there are: {_core().available_devices})") from error


def _settings(graph: FrameGraph, precision: str, options: CompileOptions) -> dict[str, Any]:
    """Compilation settings. The precision is always said: left alone, OpenVINO picks bf16 where the CPU has it."""
    if precision not in _HINTS:
        raise BuildError(f"openvino has no precision {precision!r} (there are: {', '.join(_HINTS)})")
    if precision == "fp16" and "FP16" not in _property(options.device, "OPTIMIZATION_CAPABILITIES"):
        raise BuildError(f"openvino computes no fp16 on {options.device}")  # it would take fp32 and call it fp16
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "PERFORMANCE_HINT": "LATENCY" if graph.state else "THROUGHPUT",
    }
    if options.threads is not None:
        settings["INFERENCE_NUM_THREADS"] = options.threads
    return settings


def _engine(compiled: ov.CompiledModel, graph: FrameGraph, precision: str, options: CompileOptions) -> OpenVINOEngine:
    # one more than run at once: the next frame waits inside, not in Python
    depth = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) + 1
    spec = describe(graph, backend="openvino", precision=precision, device=options.device, depth=depth)
    return OpenVINOEngine(compiled, spec)


@dataclass(frozen=True, slots=True)
class _Slot:
    """A reusable request; its input tensors are numpy views of memory that OpenVINO allocated, well aligned."""

    request: ov.InferRequest
    inputs: tuple[Array, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    slot: _Slot
    outputs: tuple[Array, ...]


class OpenVINOEngine(Runner[_Job]):
    """A compiled model and `depth` requests. OpenVINO writes straight into the arrays the caller will own."""

    def __init__(self, compiled: ov.CompiledModel, spec: EngineSpec) -> None:
        super().__init__(spec)
        self._compiled = compiled
        self._free = [_slot(compiled, spec) for _ in range(spec.depth)]
        # also when nobody closes the engine: requests at work write into arrays that must not be freed before
        self._drain = weakref.finalize(self, _wait, [slot.request for slot in self._free])
        self._state = [[ov.Tensor(np.zeros(s.shape, s.dtype)) for _ in range(2)] for s, _ in spec.state]

    def export(self) -> bytes:
        """See `CompiledEngine.export`."""
        exported = BytesIO()
        try:
            self._compiled.export_model(exported)
        except RuntimeError as error:
            log.warning("%s does not export engines, each run compiles: %s", self.spec.device, error)
            return b""
        return exported.getvalue()

    def _start(self, inputs: Sequence[Array], fresh: bool) -> _Job:
        slot = self._free[-1]
        for view, array in zip(slot.inputs, inputs, strict=True):
            np.copyto(view, array)
        outputs = tuple(np.empty(spec.shape, spec.dtype) for spec in self.spec.outputs)
        for spec, output in zip(self.spec.outputs, outputs, strict=True):
            slot.request.set_tensor(spec.name, ov.Tensor(output, shared_memory=True))
        self._bind_state(slot.request, fresh)
        slot.request.start_async()
        self._free.pop()
        return _Job(slot, outputs)

    def _bind_state(self, request: ov.InferRequest, fresh: bool) -> None:
        """Read the state the last frame wrote, write the other half of the pair."""
        for (before, after), pair in zip(self.spec.state, self._state, strict=True):
            pair.reverse()
            if fresh:
                pair[0].data[...] = 0
            request.set_tensor(before.name, pair[0])
            request.set_tensor(after.name, pair[1])
        if self.spec.reset is not None:
            request.get_tensor(self.spec.reset.name).data[...] = fresh

    def _finish(self, job: _Job) -> tuple[Array, ...]:
        try:
            job.slot.request.wait()
        except RuntimeError as error:
            raise failure(EngineError, f"openvino failed on a frame: {error}", self.spec.device) from error
        finally:
            self._free.append(job.slot)
        return job.outputs

    def _release(self, pending: Sequence[_Job]) -> None:  # noqa: ARG002 - idle requests are waited for in no time
        self._drain()
        self._free.clear()
        self._state.clear()
        del self._compiled


def _wait(requests: Sequence[ov.InferRequest]) -> None:
    for request in requests:
        with suppress(RuntimeError):
            request.wait()


def _slot(compiled: ov.CompiledModel, spec: EngineSpec) -> _Slot:
    request = compiled.create_infer_request()
    return _Slot(request, tuple(request.get_tensor(tensor.name).data for tensor in spec.inputs))
