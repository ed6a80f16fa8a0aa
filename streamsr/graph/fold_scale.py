"""Folding the scale of code values towards the last convolution of a network; see `fold`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from .builder import OWN
from .linear import Linear, scaled_weight, write_linear
from .rewrite import Rewriter

_ONE = 1e-6


def fold_scales(g: Rewriter) -> None:
    """Let a network's last convolution give code values, and drop a clamp that the codes' own makes superfluous."""
    for node in [n for n in g.nodes if n.name.startswith(OWN) and n.op_type == "Mul"]:
        _fold_scale(g, node)
        g.prune()
    _drop_clamps(g)


def _fold_scale(g: Rewriter, node: onnx.NodeProto) -> None:
    factor = g.scalar(node.input[1])
    if factor is not None and g.private(node.input[0]):
        new = _scaled(g, node.input[0], factor)
        if new is not None:
            g.redirect(node.output[0], new)


def _scaled(g: Rewriter, name: str, factor: float) -> str | None:
    """A value times a positive number, without an operation for it; None where that cannot be."""
    node = g.producer(name)
    if node is None:
        return None
    if node.op_type == "Mul":
        known = g.scalar(node.input[1])
        return node.input[0] if known is not None and abs(known * factor - 1) < _ONE else None
    rule = _SCALED.get(node.op_type) if g.private(name) and not node.name.startswith(OWN) else None
    return None if rule is None else rule(g, node, factor)


def _scaled_moved(g: Rewriter, node: onnx.NodeProto, factor: float) -> str | None:
    inner = _scaled(g, node.input[0], factor)
    return None if inner is None else g.copy(node, [inner, *node.input[1:]])


def _scaled_sum(g: Rewriter, node: onnx.NodeProto, factor: float) -> str | None:
    """Both terms scaled; a picture of one channel is repeated by a convolution, which runtimes fuse with the sum."""
    terms = [_scaled(g, term, factor) for term in node.input]
    channels = [shape[1] for shape in map(g.shape, node.input) if shape is not None and len(shape) == 4]
    known = [term for term in terms if term is not None]
    if len(known) < len(terms) or len(channels) < len(terms):
        return None
    for k, count in enumerate(channels):
        if count == 1 < max(channels):
            known[k] = write_linear(g, Linear(np.ones((max(channels), 1, 1, 1)), np.zeros(max(channels))), known[k])
    return g.copy(node, known)


def _scaled_conv(g: Rewriter, node: onnx.NodeProto, factor: float) -> str | None:
    parts = [scaled_weight(g, name, factor) for name in node.input[1:] if name]
    return g.copy(node, [node.input[0], *(part for part in parts if part)]) if all(parts) else None


def _scaled_dequantized(g: Rewriter, node: onnx.NodeProto, factor: float) -> str | None:
    scale = scaled_weight(g, node.input[1], factor)
    return None if scale is None else g.copy(node, [node.input[0], scale, *node.input[2:]])


def _scaled_clip(g: Rewriter, node: onnx.NodeProto, factor: float) -> str | None:
    limits = [g.scalar(name) for name in node.input[1:]]
    inner = _scaled(g, node.input[0], factor)
    if inner is None or len(limits) != 2 or None in limits:
        return None
    return g.copy(node, [inner, *(g.const((limit or 0) * factor) for limit in limits)])


_SCALED: dict[str, Callable[[Rewriter, onnx.NodeProto, float], str | None]] = {
    "Add": _scaled_sum,
    "Clip": _scaled_clip,
    "Conv": _scaled_conv,
    "DepthToSpace": _scaled_moved,
    "DequantizeLinear": _scaled_dequantized,
    "Gather": _scaled_moved,
    "Reshape": _scaled_moved,
    "Transpose": _scaled_moved,
}


def _drop_clamps(g: Rewriter) -> None:
    """Remove a network's clamp where the rounding and clamping of code values does all of it anyway."""
    for node in [n for n in g.nodes if n.op_type == "Round" and n.name.startswith(OWN)]:
        clamp, outer = g.producer(node.input[0]), g.readers(node.output[0])
        if clamp is None or clamp.op_type != "Clip" or len(outer) != 1 or outer[0].op_type != "Clip":
            continue
        inner_limits, outer_limits = ([g.scalar(name) for name in n.input[1:]] for n in (clamp, outer[0]))
        if None not in inner_limits and np.allclose(np.array(inner_limits, float), np.array(outer_limits, float)):
            g.redirect(clamp.output[0], clamp.input[0], [node])
