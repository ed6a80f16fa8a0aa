"""Equalization: channels of one tensor brought to like ranges, so that one 8-bit scale serves them all.

ReLU lets positive factors through, so the channels of `Conv -> Relu -> Conv` may be scaled by any amount that the
second convolution undoes (Nagel et al., "Data-free quantization through weight equalization and bias correction",
ICCV 2019). The factors balance the activations, as seen on real images, against the weights that read them
(Xiao et al., "SmoothQuant", ICML 2023, with strength one half). The model computes what it did before.
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
    factor = np.sqrt(np.where(alive, peaks, 1) / np.where(alive, weights, 1))
    if alive.any():
        factor /= np.exp(np.log(factor[alive]).mean())
    return np.asarray(np.where(alive, factor, 1), np.float32)


def _chains(proto: onnx.ModelProto) -> Iterator[tuple[onnx.NodeProto, str, onnx.NodeProto]]:
    """(convolution, name of the tensor after its ReLU, convolution) where nothing else reads what lies between."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in proto.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for conv in proto.graph.node:
        relu = _only(readers, conv.output[0], "Relu") if _ungrouped(conv) else None
        reader = _only(readers, relu.output[0], "Conv") if relu else None
        if relu and reader and _ungrouped(reader):
            yield conv, relu.output[0], reader


def _only(readers: Mapping[str, list[onnx.NodeProto]], name: str, kind: str) -> onnx.NodeProto | None:
    nodes = readers.get(name, [])
    return nodes[0] if len(nodes) == 1 and nodes[0].op_type == kind else None


def _ungrouped(node: onnx.NodeProto) -> bool:
    return node.op_type == "Conv" and all(a.i == 1 for a in node.attribute if a.name == "group")
