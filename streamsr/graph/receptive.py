"""How far a network looks: the reach of its convolutions, summed along every path."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf
from typing import Any

import onnx
from onnx import helper

from .model import free_inputs

_POINTWISE = """
Abs Add BatchNormalization Cast Ceil Clip Concat Constant ConstantOfShape Cos DequantizeLinear Div Dropout Elu
Equal Erf Exp Expand Floor Gather Gelu Greater HardSigmoid HardSwish Identity LeakyRelu Less Log Max Min Mish
Mul Neg PRelu Pad Pow QuantizeLinear Reciprocal Relu Round Selu Shape Sigmoid Sign Sin Slice Softplus Softsign
Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu Tile Unsqueeze Where
"""
_LOCAL = frozenset(_POINTWISE.split())
_RESIZE_TAPS = {"nearest": 1, "linear": 1, "cubic": 2}


@dataclass(frozen=True, slots=True)
class _Reach:
    radius: float
    """Input pixels around a sample that it depends on."""
    step: float
    """Input pixels between two samples."""


def receptive_radius(proto: onnx.ModelProto) -> int:
    """Input pixels around an output pixel that can influence it; a very large number where that is everything.

    An upper bound: attention, normalisation over the picture and operators that are not known look everywhere, and
    padding written as a node of its own counts twice.
    """
    reaches = {value.name: _Reach(0, 1) for value in free_inputs(proto.graph)}
    kernels = {constant.name: list(constant.dims) for constant in proto.graph.initializer}
    for node in proto.graph.node:
        given = [reaches[name] for name in node.input if name in reaches]
        if given:
            joined = _Reach(max(r.radius for r in given), min(r.step for r in given))
            reach = _after(node, joined, kernels)
            reaches.update(dict.fromkeys(node.output, reach))
    radius = max((reaches[v.name].radius for v in proto.graph.output if v.name in reaches), default=0.0)
    return 1 << 30 if radius == inf else ceil(radius)


def _after(node: onnx.NodeProto, reach: _Reach, kernels: dict[str, list[int]]) -> _Reach:
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    radius, step = reach.radius, reach.step
    if node.op_type in _LOCAL:
        return reach
    if node.op_type in ("DepthToSpace", "SpaceToDepth"):
        block = attributes["blocksize"]
        return (
            _Reach(radius, step / block) if node.op_type == "DepthToSpace" else _Reach(radius + block - 1, step * block)
        )
    if node.op_type in ("Conv", "MaxPool", "AveragePool", "ConvTranspose"):
        return _convolved(node, reach, attributes, kernels)
    if node.op_type in ("Resize", "Upsample"):
        mode = attributes.get("mode", b"nearest").decode()
        return _Reach(radius + _RESIZE_TAPS.get(mode, 2) * step, step)
    return _Reach(inf, step)


def _convolved(
    node: onnx.NodeProto, reach: _Reach, attributes: dict[str, Any], kernels: dict[str, list[int]]
) -> _Reach:
    shape = attributes.get("kernel_shape") or (kernels.get(node.input[1], []) if len(node.input) > 1 else [])[2:]
    if not shape:
        return _Reach(inf, reach.step)
    spans = [(k - 1) * d for k, d in zip(shape, attributes.get("dilations", [1] * len(shape)), strict=True)]
    stride = max(attributes.get("strides", [1]))
    if node.op_type == "ConvTranspose":
        return _Reach(reach.radius + ceil(max(spans) / stride) * reach.step, reach.step / stride)
    pads = attributes.get("pads", [(span + 1) // 2 for span in spans] * 2)
    far = max(max(p, span - p) for p, span in zip(pads, spans * 2, strict=True))
    return _Reach(reach.radius + far * reach.step, reach.step * stride)
