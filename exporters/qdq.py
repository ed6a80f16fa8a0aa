"""Writing 8-bit integers into a model, the way every runtime understands: QuantizeLinear and DequantizeLinear.

Activations are uint8 with one scale per tensor, weights int8 with one scale per output channel, biases int32 with the
product of both. A convolution's result stays real until the next convolution's input is quantized, so what follows
the last one (a residual, a shuffle) computes in float.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from .calibrate import Range

Codes = npt.NDArray[np.int8] | npt.NDArray[np.int32]

_WEIGHT_PEAK = 127


def with_qdq(proto: onnx.ModelProto, ranges: Mapping[str, Range]) -> onnx.ModelProto:
    """`proto` with every Conv quantized whose input is in `ranges` and whose weights are constants."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    writer = _Writer(result)
    del result.graph.node[:]
    for node in proto.graph.node:
        chosen = quantizable(proto, node, ranges)
        result.graph.node.extend(writer.quantized(node, ranges[node.input[0]]) if chosen else [node])
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


class _Writer:
    """Adds constants to a graph and knows which activations are quantized already."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        self._graph = proto.graph
        self._weights = {tensor.name: tensor for tensor in proto.graph.initializer}
        self._done: set[str] = set()

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

    def _activation(self, name: str, span: Range) -> Iterator[onnx.NodeProto]:
        if name in self._done:
            return
        self._done.add(name)
        scale = self._add(f"{name}.scale", np.float32(span.scale))
        zero = self._add(f"{name}.zero", np.uint8(span.zero))
        yield helper.make_node("QuantizeLinear", [name, scale, zero], [f"{name}.codes"], f"{name}.quantize")
        coded = [f"{name}.codes", scale, zero]
        yield helper.make_node("DequantizeLinear", coded, [f"{name}.real"], f"{name}.dequantize")

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
