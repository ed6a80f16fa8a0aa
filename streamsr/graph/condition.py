"""Conditional models with their controls made constants: one style, or one mix of them, as a plain network.

What depends on the controls alone is computed here, once. What that leaves behind every convolution, a scale and a
shift for each channel, goes into the convolution's weights, be they floats or 8-bit integers; and where one of two
pictures that were mixed has no share any more, nothing is left of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from ..errors import ConfigError
from .model import CONTROLS, STRENGTH, STYLE_WEIGHTS, Model, opset_of
from .rewrite import Array, Rewriter

Floats = npt.NDArray[np.float64]

_BIAS_PEAK = 1 << 30
"""A quantized bias stays well within int32."""


def baked(model: Model, controls: Sequence[Array]) -> Model:
    """A model of one image that computes what the conditional `model` does under controls that never change.

    Args:
        model: a conditional one.
        controls: what its inputs `CONTROLS` would get: `style_weights` `(1, names)` and `strength` `(1, 1)`.

    Raises:
        ConfigError: they are not of the shapes that the model takes.
    """
    names = model.spec.conditioning
    given = {name: np.asarray(array, np.float32) for name, array in zip(CONTROLS, controls, strict=True)}
    if not names or given[STYLE_WEIGHTS].shape != (1, len(names)) or given[STRENGTH].shape != (1, 1):
        shapes = [array.shape for array in given.values()]
        takes = f"weights (1, {len(names)}) and a strength (1, 1)" if names else "no controls"
        raise ConfigError(f"model {model.spec.name!r} takes {takes}, not {shapes}")
    g = Rewriter(_constant(model.proto, given))
    for node in [n for n in g.nodes if n.op_type == "Conv"]:
        _absorb(g, node)
    for node in [n for n in g.nodes if n.op_type == "Add"]:
        _drop_nothing(g, node)
    return Model(replace(model.spec, conditioning=()), g.finish())


def _constant(proto: onnx.ModelProto, given: dict[str, Array]) -> onnx.ModelProto:
    """The model without control inputs: what depended on them and on constants alone is a constant."""
    fixed = list(_controlled(proto, set(given)))
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    for field, dropped in (("node", fixed), ("input", [v for v in proto.graph.input if v.name in given])):
        kept = [item for item in getattr(proto.graph, field) if item not in dropped]
        result.graph.ClearField(field)
        getattr(result.graph, field).extend(kept)
    values = _evaluated(proto, fixed, given)
    result.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in values.items())
    return result


def _controlled(proto: onnx.ModelProto, controls: set[str]) -> Iterator[onnx.NodeProto]:
    """The nodes that depend on controls and constants alone, in order."""
    known = controls | {tensor.name for tensor in proto.graph.initializer}
    for node in proto.graph.node:
        read = {name for name in node.input if name}
        if read <= known and not controls.isdisjoint(read):
            known.update(node.output)
            controls = controls | set(node.output)
            yield node


def _evaluated(proto: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], given: dict[str, Array]) -> dict[str, Array]:
    names = [name for node in nodes for name in node.output if name]
    inputs = [value for value in proto.graph.input if value.name in given]
    outputs = [helper.make_empty_tensor_value_info(name) for name in names]
    graph = helper.make_graph(nodes, "controls", inputs, outputs, list(proto.graph.initializer))
    small = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset_of(proto))])
    values = ReferenceEvaluator(small).run(names, given)
    return given | dict(zip(names, map(np.asarray, values), strict=True))


def _absorb(g: Rewriter, conv: onnx.NodeProto) -> None:
    """Move the scales and shifts that follow a convolution into it."""
    affine = _affine(g, conv.output[0])
    weights = _weights(g, conv, *affine[1:]) if affine else None
    if not affine or not weights:
        return
    result = g.copy(conv, [conv.input[0], *weights])
    g.redirect(affine[0].output[0], result)
    merged = g.producer(result)
    assert merged is not None
    _absorb(g, merged)


def _drop_nothing(g: Rewriter, add: onnx.NodeProto) -> None:
    """Make `1 * a + 0 * b` hand on `a`."""
    shares = [_share(g, name) for name in add.input]
    values = [share for _, share in shares]
    if values in ([0, 1], [1, 0]):
        g.pass_on(add, shares[values.index(1)][0])


def _share(g: Rewriter, name: str) -> tuple[str, float | None]:
    """A value as another one times a constant: that one's name, and the constant."""
    node = g.producer(name)
    for value, factor in (node.input, node.input[::-1]) if node is not None and node.op_type == "Mul" else ():
        share = g.scalar(factor)
        if share is not None:
            return value, share
    return name, None


def _affine(g: Rewriter, name: str) -> tuple[onnx.NodeProto, Floats, Floats] | None:
    """What alone reads a value, where that multiplies or adds a constant for each channel; the factors and offsets."""
    readers = g.readers(name)
    if not g.private(name) or readers[0].op_type not in ("Mul", "Add"):
        return None
    values = [value for value in map(g.value, readers[0].input) if value is not None]
    if len(values) != 1 or values[0].ndim < 3 or values[0].size != values[0].shape[-3]:
        return None
    flat = values[0].reshape(-1).astype(np.float64)
    one, zero = np.ones_like(flat), np.zeros_like(flat)
    return (readers[0], flat, zero) if readers[0].op_type == "Mul" else (readers[0], one, flat)


def _weights(g: Rewriter, conv: onnx.NodeProto, factor: Floats, offset: Floats) -> list[str] | None:
    """Names of the weights and biases of a convolution whose channels are scaled and shifted."""
    if len(conv.input) < 3:
        return None
    weight, bias = (_real(g, name) for name in conv.input[1:])
    if weight is None or bias is None or len(bias) != len(factor):
        return None
    weight, bias = weight * factor[:, None, None, None], bias * factor + offset
    makers = [maker for maker in map(g.producer, conv.input[1:]) if maker is not None]
    return _quantized(g, makers, factor, weight, bias) if len(makers) == 2 else [g.const(weight), g.const(bias)]


def _real(g: Rewriter, name: str) -> Floats | None:
    """The values of a constant, or of an integer one behind a DequantizeLinear with a scale for each output."""
    value, node = g.value(name), g.producer(name)
    if value is not None:
        return value.astype(np.float64)
    if node is None or node.op_type != "DequantizeLinear":
        return None
    codes, scale, zero = (g.value(part) for part in node.input)
    if codes is None or scale is None or zero is None or scale.shape != codes.shape[:1] or zero.any():
        return None
    return codes * scale.astype(np.float64).reshape(-1, *[1] * (codes.ndim - 1))


def _quantized(
    g: Rewriter, makers: Sequence[onnx.NodeProto], factor: Floats, weight: Floats, bias: Floats
) -> list[str]:
    """Codes for real weights and biases.

    The scale of a convolution's weights times that of its input is the scale of its biases: so must it stay. Codes of
    weights stay what they were, but for their sign, unless a factor is so small that a bias would need a finer scale
    than int32 has codes for.
    """
    old, old_bias = (np.asarray(g.value(maker.input[1]), np.float64) for maker in makers)
    ratio = old_bias / old
    scale = np.maximum(old * np.abs(factor), np.abs(bias) / (ratio * _BIAS_PEAK))
    scale = np.where(scale > 0, scale, old)
    names = []
    for maker, values, steps in ((makers[0], weight, scale), (makers[1], bias, scale * ratio)):
        codes = np.rint(values / steps.reshape(-1, *[1] * (values.ndim - 1)))
        kind = np.int8 if maker is makers[0] else np.int32
        inputs = [g.const(codes, kind), g.const(steps), g.const(np.zeros(len(steps)), kind)]
        names.append(g.copy(maker, inputs))
    return names
