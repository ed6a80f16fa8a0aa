"""How much work a frame graph is: operations and bytes, counted from the ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import onnx

from .frame_graph import FrameGraph
from .model import dims

_MATRIX = ("Conv", "ConvTranspose", "MatMul", "Gemm")
_MOVING = ("Reshape", "Transpose", "Slice", "Concat", "Pad", "DepthToSpace", "SpaceToDepth", "Squeeze", "Unsqueeze")
"""Operators that compute nothing: they move samples, or only say that they lie differently."""
_SAMPLE_BYTES = {onnx.TensorProto.UINT8: 1, onnx.TensorProto.BOOL: 1, onnx.TensorProto.FLOAT16: 2}

BYTES = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1}
"""Bytes of one number, by precision."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What one frame costs, whoever computes it."""

    macs: int
    """Multiply-accumulates of convolutions and matrix products in real numbers."""
    int8_macs: int
    """Those of 8-bit codes, which both factors come from."""
    others: int
    """Numbers that everything else computes: activations, sums, roundings, interpolations."""
    weights: int
    """Numbers in constants."""
    border_bytes: int
    """What enters and leaves the graph: planes and controls, and recurrent state in both directions."""
    between: int
    """Numbers that convolutions and matrix products read and write, as if each ran alone."""

    @property
    def flops(self) -> int:
        """Operations of the convolutions and matrix products: two per multiply-accumulate."""
        return 2 * (self.macs + self.int8_macs)

    def least_bytes(self, precision: str) -> int:
        """What has to cross the memory bus even if nothing in between does: the border, and the weights once."""
        return self.border_bytes + self.weights * BYTES[precision]

    def layered_bytes(self, precision: str) -> int:
        """What crosses it if every convolution reads and writes memory, and everything else is fused with one."""
        return self.least_bytes(precision) + self.between * BYTES[precision]


def count_workload(graph: FrameGraph) -> Workload:
    """Count the operators of a frame graph, whose shapes are all fixed.

    Raises:
        ValueError: a shape that the graph does not tell.
    """
    shapes = _shapes(graph.proto)
    makers = {name: node.op_type for node in graph.proto.graph.node for name in node.output}
    macs = {False: 0, True: 0}
    others = between = 0
    for node in graph.proto.graph.node:
        size = prod(shapes.get(node.output[0], ()))
        if node.op_type in _MATRIX:
            coded = all(makers.get(name) == "DequantizeLinear" for name in node.input[:2])
            macs[coded] += _macs(node, shapes)
            between += prod(shapes[node.input[0]]) + size
        elif node.op_type not in (*_MOVING, "Constant", "DequantizeLinear"):
            others += size
    return Workload(macs[False], macs[True], others, _weights(graph.proto), _border(graph.proto), between)


def _macs(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> int:
    """Multiply-accumulates of one node: numbers on one side, times what each of them is combined with."""
    if node.op_type == "Conv":
        return prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])
    if node.op_type == "ConvTranspose":
        return prod(shapes[node.input[0]]) * prod(shapes[node.input[1]][1:])
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return prod(shapes[node.output[0]]) * shapes[node.input[0]][-2 if transposed else -1]


def _weights(proto: onnx.ModelProto) -> int:
    return sum(prod(tensor.dims) for tensor in proto.graph.initializer)


def _border(proto: onnx.ModelProto) -> int:
    values = (*proto.graph.input, *proto.graph.output)
    return sum(prod(_fixed(value)) * _SAMPLE_BYTES.get(value.type.tensor_type.elem_type, 4) for value in values)


def _shapes(proto: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor by name."""
    graph = onnx.shape_inference.infer_shapes(proto).graph
    constants = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    return constants | {value.name: _fixed(value) for value in (*graph.input, *graph.value_info, *graph.output)}


def _fixed(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    found = dims(value)
    if any(size is None for size in found):
        raise ValueError(f"the shape of {value.name} is not known: {found}")
    return tuple(size for size in found if size is not None)
