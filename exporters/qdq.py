"""Writing 8-bit integers into a model, the way every runtime understands: QuantizeLinear and DequantizeLinear.

Activations are uint8 with one scale per tensor, weights int8 with one scale per output channel, biases int32 with the
product of both. A convolution's result stays real until the next convolution's input is quantized, so what follows
the last one (a residual, a shuffle) computes in float. What only moves samples on the way to a convolution, such as the
reflection of a border, moves codes: that is less to move, and runtimes fuse rounding with what computes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from .calibrate import Range

Codes = npt.NDArray[np.int8] | npt.NDArray[np.int32]

_WEIGHT_PEAK = 127
_REPEATING = (b"reflect", b"edge", b"wrap")
"""Modes of Pad that add nothing new."""


def with_qdq(proto: onnx.ModelProto, ranges: Mapping[str, Range]) -> onnx.ModelProto:
    """`proto` with every Conv quantized whose input is in `ranges` and whose weights are constants."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    writer = _Writer(result)
    del result.graph.node[:]
    goals = _carried(proto, ranges)
    for node in proto.graph.node:
        if quantizable(proto, node, ranges):
            result.graph.node.extend(writer.quantized(node, ranges[node.input[0]]))
        elif node.output[0] in goals:
            goal = goals[node.output[0]]
            result.graph.node.extend(writer.moved(node, goal, ranges[goal]))
        else:
            result.graph.node.append(node)
    writer.drop_unused()
    return result


def with_rounding(proto: onnx.ModelProto, ranges: Mapping[str, Range]) -> onnx.ModelProto:
    """`proto` with every Conv reading rounded values of the tensors in `ranges`; weights stay as they are."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    writer = _Writer(result)
    del result.graph.node[:]
    for node in proto.graph.node:
        chosen = node.op_type == "Conv" and node.input[0] in ranges
        result.graph.node.extend(writer.rounded(node, ranges[node.input[0]]) if chosen else [node])
    return result


def quantizable(proto: onnx.ModelProto, node: onnx.NodeProto, ranges: Mapping[str, Range]) -> bool:
    """Whether `node` is a Conv of a tensor with a range, its weights constants."""
    constants = {tensor.name for tensor in proto.graph.initializer}
    return node.op_type == "Conv" and node.input[0] in ranges and set(node.input[1:]) <= constants


def _carried(proto: onnx.ModelProto, ranges: Mapping[str, Range]) -> dict[str, str]:
    """Values that are on the way to a quantized convolution, and nowhere else, and only another value's samples moved.

    Each with the name of what the convolution reads.
    """
    made = {name: node for node in proto.graph.node for name in node.output}
    read = Counter(name for node in proto.graph.node for name in node.input)
    read.update(value.name for value in proto.graph.output)
    goals: dict[str, str] = {}
    for goal in [node.input[0] for node in proto.graph.node if quantizable(proto, node, ranges)]:
        name = goal
        while name in made and read[name] == 1 and _moves(made[name]):
            goals[name] = goal
            name = made[name].input[0]
    return goals


def _moves(node: onnx.NodeProto) -> bool:
    """Whether a node's output is made of samples of its first input."""
    mode = next((attribute.s for attribute in node.attribute if attribute.name == "mode"), b"constant")
    return node.op_type == "DepthToSpace" or (node.op_type == "Pad" and mode in _REPEATING)


class _Writer:
    """Adds constants to a graph and knows which activations are quantized already."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        self._graph = proto.graph
        self._weights = {tensor.name: tensor for tensor in proto.graph.initializer}
        self._done: set[str] = set()
        self._coded: set[str] = set()
        self._codings: dict[str, list[str]] = {}

    def quantized(self, node: onnx.NodeProto, span: Range) -> Iterator[onnx.NodeProto]:
        """The nodes that take the place of a convolution."""
        inputs = list(node.input)
        yield from self._activation(inputs[0], span)
        weight = numpy_helper.to_array(self._weights[inputs[1]])
        peaks = np.abs(weight).max(axis=(1, 2, 3))
        scales = (np.where(peaks > 0, peaks, 1) / _WEIGHT_PEAK).astype(np.float32)
        codes = np.round(weight / scales[:, None, None, None]).astype(np.int8)
        yield self._constant(inputs[1], codes, scales)
        if len(inputs) > 2:
            bias_scales = (scales.astype(np.float64) * span.scale).astype(np.float32)
            bias = np.round(numpy_helper.to_array(self._weights[inputs[2]]) / bias_scales).astype(np.int32)
            yield self._constant(inputs[2], bias, bias_scales)
        conv = onnx.NodeProto()
        conv.CopyFrom(node)
        conv.input[:] = [f"{name}.real" for name in inputs]
        yield conv

    def rounded(self, node: onnx.NodeProto, span: Range) -> Iterator[onnx.NodeProto]:
        """A convolution as it is, and what makes the codes it reads."""
        yield from self._activation(node.input[0], span)
        conv = onnx.NodeProto()
        conv.CopyFrom(node)
        conv.input[0] = f"{node.input[0]}.real"
        yield conv

    def moved(self, node: onnx.NodeProto, goal: str, span: Range) -> Iterator[onnx.NodeProto]:
        """A node that moves samples, moving codes of the tensor `goal` instead."""
        source, result = node.input[0], node.output[0]
        codes = f"{source}.codes" if source in self._coded else f"{result}.source"
        if source not in self._coded:
            inputs = [source, *self._coding(goal, span)]
            yield helper.make_node("QuantizeLinear", inputs, [codes], f"{goal}.quantize")
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[0], copy.output[0] = codes, f"{result}.codes"
        self._coded.add(result)
        yield copy

    def _activation(self, name: str, span: Range) -> Iterator[onnx.NodeProto]:
        if name in self._done:
            return
        self._done.add(name)
        coding = self._coding(name, span)
        if name not in self._coded:
            yield helper.make_node("QuantizeLinear", [name, *coding], [f"{name}.codes"], f"{name}.quantize")
        yield helper.make_node("DequantizeLinear", [f"{name}.codes", *coding], [f"{name}.real"], f"{name}.dequantize")

    def _coding(self, name: str, span: Range) -> list[str]:
        """Names of the scale and the zero of a tensor's codes; added when first asked for."""
        if name not in self._codings:
            scale = self._add(f"{name}.scale", np.float32(span.scale))
            self._codings[name] = [scale, self._add(f"{name}.zero", np.uint8(span.zero))]
        return self._codings[name]

    def _constant(self, name: str, codes: Codes, scales: npt.NDArray[np.float32]) -> onnx.NodeProto:
        inputs = [
            self._add(f"{name}.codes", codes),
            self._add(f"{name}.scale", scales),
            self._add(f"{name}.zero", np.zeros(len(scales), codes.dtype)),
        ]
        return helper.make_node("DequantizeLinear", inputs, [f"{name}.real"], f"{name}.dequantize", axis=0)

    def _add(self, name: str, value: npt.ArrayLike) -> str:
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def drop_unused(self) -> None:
        """Remove the float constants that nothing reads any more."""
        used = {name for node in self._graph.node for name in node.input}
        kept = [tensor for tensor in self._graph.initializer if tensor.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)
