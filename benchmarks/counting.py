"""What a model weighs and works, counted from its ONNX graph."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import onnx

from streamsr.graph.model import Model, dims, image_input

SIDE = 48
"""Pixels of the picture that operations are counted on; convolutions keep their size, so that it does not matter."""


@dataclass(frozen=True, slots=True)
class Count:
    """The size of a network's convolutions: nothing else in it has weights or work worth counting."""

    weights: int
    """Numbers in kernels and biases, fixed ones (an interpolation's) too."""
    macs: float
    """Multiply-accumulates per output pixel."""

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def count(model: Model) -> Count:
    """Count the convolutions of a model, plain or quantized (through the nodes that dequantize its weights).

    Raises:
        ValueError: a shape that the graph does not tell.
    """
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    side = -(-SIDE // model.spec.multiple_of) * model.spec.multiple_of
    picture = image_input(proto.graph, model.spec)
    rows, columns = ((fixed or side) for fixed in dims(picture)[2:])
    for axis, size in enumerate((1, dims(picture)[1] or 3, rows, columns)):
        picture.type.tensor_type.shape.dim[axis].dim_value = size
    for output in proto.graph.output:
        output.type.ClearField("tensor_type")  # inferred anew, without the names of free sides
    shapes = _shapes(onnx.shape_inference.infer_shapes(proto, strict_mode=False))
    weights, macs = 0, 0
    seen: set[str] = set()
    for node in proto.graph.node:
        if node.op_type not in ("Conv", "ConvTranspose"):
            continue
        weights += sum(prod(shapes[name]) for name in node.input[1:] if name and name not in seen)
        seen.update(node.input[1:])
        places = node.output[0] if node.op_type == "Conv" else node.input[0]
        macs += prod(shapes[places]) * prod(shapes[node.input[1]][1:])
    return Count(weights, macs / (rows * columns * model.spec.scale**2))


def _shapes(proto: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor by name."""
    graph = proto.graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        found = dims(value)
        if any(size is None for size in found):
            raise ValueError(f"the shape of {value.name} is not known: {found}")
        shapes[value.name] = tuple(size for size in found if size is not None)
    return shapes
