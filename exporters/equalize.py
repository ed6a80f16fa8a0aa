"""Equalization: channels of one tensor brought to like ranges, so that one 8-bit scale serves them all.

ReLU, with a slope below zero or without, lets positive factors through, so the channels of `Conv -> Relu -> Conv`
(and of `Conv -> Conv`) may be scaled by any amount that the second convolution undoes (Nagel et al., "Data-free
quantization through weight equalization and bias correction", ICCV 2019). The factors balance the activations, as
seen on real images, against the weights that read them (Xiao et al., "SmoothQuant", ICML 2023). The model computes
what it did before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from .calibrate import Statistics

Floats = npt.NDArray[np.float32]

_TINY = 1e-6
_STRENGTH = 0.7
"""How far activations are levelled: 1 wholly, whatever it does to the weights. Activations share one scale, weights
have one for each output, so a little more than one half pays: tried 0.5, 0.7, 0.85 and 1 on one network."""
_HOMOGENEOUS = ("Relu", "LeakyRelu", "PRelu")
"""Activations with f(s * x) = s * f(x) for every s > 0; a PRelu's slopes may differ between channels."""


def equalized(proto: onnx.ModelProto, seen: Mapping[str, Statistics]) -> onnx.ModelProto:
    """The same function with balanced channels; `seen` tells the values of every convolution's input."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    weights = {tensor.name: tensor for tensor in result.graph.initializer}
    for first, middle, second in list(_chains(result)):
        names = [*first.input[1:], second.input[1]]
        if not all(name in weights for name in names):
            continue
        values = [numpy_helper.to_array(weights[name]) for name in names]
        factor = _balance(seen[middle].peaks, np.abs(values[-1]).max(axis=(0, 2, 3)))
        scaled = [value / factor.reshape(-1, *[1] * (value.ndim - 1)) for value in values[:-1]]
        for name, value in zip(names, [*scaled, values[-1] * factor[:, None, None]], strict=True):
            weights[name].CopyFrom(numpy_helper.from_array(np.asarray(value, np.float32), name))
    return result


def _balance(peaks: Floats, weights: Floats) -> Floats:
    """Factors by which channels are divided; their geometric mean is 1, dead channels stay."""
    alive = (peaks > _TINY) & (weights > _TINY)
    factor = np.where(alive, peaks, 1) ** _STRENGTH / np.where(alive, weights, 1) ** (1 - _STRENGTH)
    if alive.any():
        factor /= np.exp(np.log(factor[alive]).mean())
    return np.asarray(np.where(alive, factor, 1), np.float32)


def _chains(proto: onnx.ModelProto) -> Iterator[tuple[onnx.NodeProto, str, onnx.NodeProto]]:
    """(convolution, name of what the next one reads, that one) where nothing else reads what lies between."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in proto.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for output in proto.graph.output:
        readers.setdefault(output.name, []).append(onnx.NodeProto())
    for conv in filter(_ungrouped, proto.graph.node):
        middle, reader = conv.output[0], _only(readers, conv.output[0])
        if reader is not None and reader.op_type in _HOMOGENEOUS and reader.input[0] == middle:
            middle, reader = reader.output[0], _only(readers, reader.output[0])
        if reader is not None and _ungrouped(reader) and reader.input[0] == middle:
            yield conv, middle, reader


def _only(readers: Mapping[str, list[onnx.NodeProto]], name: str) -> onnx.NodeProto | None:
    nodes = readers.get(name, [])
    return nodes[0] if len(nodes) == 1 else None


def _ungrouped(node: onnx.NodeProto) -> bool:
    return node.op_type == "Conv" and all(a.i == 1 for a in node.attribute if a.name == "group")
