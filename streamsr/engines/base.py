"""What an engine is: a frame graph compiled by a backend, and the contract every backend keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ..errors import BuildError
from ..residence import DevicePlane, DevicePlanes

if TYPE_CHECKING:
    from ..graph.frame_graph import FrameGraph

Array = npt.NDArray[Any]

RESET = "reset"
"""Name of the optional scalar input of a recurrent graph: 1 on the first frame after a reset, else 0."""

# onnx.TensorProto.DataType, the part that crosses a frame graph's border; spelled out so that running needs no onnx
_DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype(np.float32),
    2: np.dtype(np.uint8),
    6: np.dtype(np.int32),
    7: np.dtype(np.int64),
    9: np.dtype(np.bool_),
    10: np.dtype(np.float16),
}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output: its name in the graph, its static shape, its dtype."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} {list(self.shape)}"


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """What an engine takes, returns, remembers, and runs on."""

    inputs: tuple[TensorSpec, ...]
    """The planes of a frame, in order, then the controls; state and reset are the engine's own business."""
    outputs: tuple[TensorSpec, ...]
    state: tuple[tuple[TensorSpec, TensorSpec], ...]
    """Recurrent state as (input, output) pairs; empty when frames are independent."""
    backend: str
    precision: str
    device: str
    depth: int
    """Frames that may be in flight at once; 1 for a recurrent graph."""
    reset: TensorSpec | None = None
    """The graph's reset input, if it has one."""
    controls: tuple[str, ...] = ()
    """Names of the last `inputs`, those that are no planes: they tell models what to do, frame by frame."""


class Ticket:
    """A submitted frame, to be exchanged for its planes. Opaque; equal only to itself."""

    __slots__ = ()


class Engine(Protocol):
    """A frame graph that runs. One thread drives it; what runs inside is the backend's choice."""

    @property
    def spec(self) -> EngineSpec:
        """What it takes, returns and remembers."""
        ...

    def submit(self, inputs: Sequence[Array]) -> Ticket:
        """Start one frame: arrays by position, shaped and typed as `spec.inputs`, with any strides.

        They are copied before this returns, so the caller may reuse them at once.

        Raises:
            MismatchError: the wrong number of arrays, or an array of the wrong shape or dtype.
            EngineError: `spec.depth` frames are in flight already (take a result first), or the engine is closed.
        """
        ...

    def result(self, ticket: Ticket) -> tuple[Array, ...]:
        """Wait for a frame and return its planes, as `spec.outputs`; tickets may be redeemed in any order, once.

        The arrays belong to the caller: C-contiguous memory that the engine never touches again.

        Raises:
            EngineError: the backend failed, or the ticket is not this engine's or was redeemed before.
        """
        ...

    def reset(self) -> None:
        """Forget the recurrent state: the next frame submitted is a first frame."""
        ...

    def close(self) -> None:
        """Wait for what is in flight, drop it, free the memory. Idempotent."""
        ...


@runtime_checkable
class DeviceEngine(Engine, Protocol):
    """An engine that also takes planes where it computes, and leaves its own there."""

    @property
    def home(self) -> str:
        """Where that is, in the words of `DevicePlane.device`."""
        ...

    def submit_planes(self, inputs: Sequence[Array | DevicePlane], *, stay: bool) -> Ticket:
        """Like `submit`, where some inputs may be planes at `home`: they are held until the frame is done.

        What they show may still be on its way, on the default stream. `stay` leaves the result on the device; then the
        ticket is for `planes`, otherwise for `result`.

        Raises:
            MismatchError, EngineError: as `submit`; or a plane is elsewhere.
            DeviceMemoryError: `stay`, and there is no memory for one picture more.
        """
        ...

    def planes(self, ticket: Ticket) -> DevicePlanes:
        """Wait for a frame and return its planes, shaped and typed as `spec.outputs`, where they are.

        They are complete, and the caller's. All lie in one block, one after another at the same pitch, which is how an
        encoder on the device reads a picture.

        Raises:
            EngineError: as `result`; or the ticket is for that.
        """
        ...


def describe(graph: FrameGraph, *, backend: str, precision: str, device: str, depth: int) -> EngineSpec:
    """Read an engine's tensors off its frame graph.

    Raises:
        BuildError: an input or output whose shape is not fixed, or of a type that cannot cross the border.
    """
    inputs = {value.name: _tensor(value) for value in graph.proto.graph.input}
    outputs = {value.name: _tensor(value) for value in graph.proto.graph.output}
    state = tuple((inputs.pop(before), outputs.pop(after)) for before, after in graph.state)
    reset = inputs.pop(RESET, None)
    controls = [inputs.pop(name) for name in graph.controls]
    return EngineSpec(
        (*inputs.values(), *controls),
        tuple(outputs.values()),
        state,
        backend,
        precision,
        device,
        depth=1 if state else depth,
        reset=reset,
        controls=graph.controls,
    )


def _tensor(value: Any) -> TensorSpec:
    """A TensorSpec from an `onnx.ValueInfoProto`."""
    tensor = value.type.tensor_type
    shape = tuple(int(dim.dim_value) for dim in tensor.shape.dim)
    if any(size < 1 for size in shape) or tensor.elem_type not in _DTYPES:
        raise BuildError(f"{value.name} of the frame graph has no fixed shape or an unknown type: {list(shape)}")
    return TensorSpec(value.name, shape, _DTYPES[tensor.elem_type])
