"""Recurrent state of models as inputs and outputs of the frame graph; the engine carries it from frame to frame."""

from __future__ import annotations

import onnx

from ..errors import ModelError
from ..spec import ModelSpec
from .builder import GraphBuilder, Tensor
from .model import RESET, free_inputs, image_input
from .names import Names


def declare_state(b: GraphBuilder, spec: ModelSpec, graph: onnx.GraphProto, x: Tensor) -> dict[str, str]:
    """Declare `state.k` for every state pair of the model, and `reset` if it has one; returns its names -> ours.

    Raises:
        ModelError: a state input that does not exist, or whose shape does not follow from the picture's.
    """
    inputs = {value.name: value for value in free_inputs(graph)}
    sizes = _named_sizes(image_input(graph, spec), x)
    bound = {}
    for name, _ in spec.state:
        if name not in inputs:
            raise ModelError(f"model {spec.name!r} has no state input {name!r}")
        shape = _shape(inputs[name], sizes, spec.name)
        ours = f"state.{len(b.state)}"
        b.state.append((ours, f"{ours}.next"))
        bound[name] = b.input(ours, shape, inputs[name].type.tensor_type.elem_type).name
    if RESET in inputs:
        if all(value.name != RESET for value in b.inputs):
            b.input(RESET, (), inputs[RESET].type.tensor_type.elem_type)
        bound[RESET] = RESET
    return bound


def emit_state(b: GraphBuilder, spec: ModelSpec, graph: onnx.GraphProto, names: Names) -> None:
    """Make the model's next state outputs of the graph."""
    declared = {value.name: value for value in b.inputs}
    for (_, result), (ours, following) in zip(spec.state, b.state[len(b.state) - len(spec.state) :], strict=True):
        if all(value.name != result for value in graph.output):
            raise ModelError(f"model {spec.name!r} has no state output {result!r}")
        kind = declared[ours].type.tensor_type
        shape = tuple(dim.dim_value for dim in kind.shape.dim)
        b.output(following, Tensor(names(result), shape), kind.elem_type)


def _named_sizes(image: onnx.ValueInfoProto, x: Tensor) -> dict[str, int]:
    dims = image.type.tensor_type.shape.dim
    return {dim.dim_param: size for dim, size in zip(dims, x.shape, strict=True) if dim.dim_param}


def _shape(value: onnx.ValueInfoProto, sizes: dict[str, int], model: str) -> tuple[int, ...]:
    shape = [dim.dim_value or sizes.get(dim.dim_param, 0) for dim in value.type.tensor_type.shape.dim]
    if not all(shape):
        raise ModelError(
            f"model {model!r}: the shape of state {value.name!r} does not follow from the picture's; "
            "name its free dimensions as those of the image input"
        )
    return tuple(shape)
