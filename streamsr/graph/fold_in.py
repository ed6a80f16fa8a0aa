"""Folding towards the first convolutions of a network; see `fold`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from .builder import OWN
from .linear import before, read_linear, scaled_weight, write_linear
from .rewrite import Rewriter, attributes

Absorb = Callable[[onnx.NodeProto, str], str | None]
"""(a reader of the folded step, that step's input) to the reader's output made without the step, or None."""


def fold_in(g: Rewriter) -> None:
    """Let convolutions and quantizers take over the scale or the channel mix that they read."""
    for node in [n for n in g.nodes if n.name.startswith(OWN)]:
        absorb = _absorb_scale(g, node) if node.op_type == "Mul" else _absorb_mix(g, node)
        if absorb is not None:
            _push(g, node.output[0], node.input[0], absorb)
            g.prune()


def _push(g: Rewriter, old: str, new: str, absorb: Absorb) -> None:
    """Offer the step to everything that reads it, through paddings that keep what it means."""
    for reader in [node for node in g.readers(old) if list(node.input).count(old) == 1 and node.input[0] == old]:
        if reader.op_type == "Pad" and _transparent(g, reader):
            _push(g, reader.output[0], g.copy(reader, [new, *reader.input[1:]]), absorb)
        elif not reader.name.startswith(OWN):
            result = absorb(reader, new)
            if result is not None:
                g.redirect(reader.output[0], result)


def _transparent(g: Rewriter, pad: onnx.NodeProto) -> bool:
    """Whether padding before or after a linear step is the same: it repeats values, or adds zeros to a picture."""
    if attributes(pad).get("mode", b"constant") != b"constant":
        return True
    return len(pad.input) < 3 or not pad.input[2] or g.scalar(pad.input[2]) == 0


def _absorb_mix(g: Rewriter, node: onnx.NodeProto) -> Absorb | None:
    mix = read_linear(g, node)
    if mix is None or not mix.pointwise or np.any(mix.bias):
        return None

    def absorb(reader: onnx.NodeProto, x: str) -> str | None:
        last = read_linear(g, reader)
        return write_linear(g, before(mix, last), x) if last is not None and last.groups == 1 else None

    return absorb


def _absorb_scale(g: Rewriter, node: onnx.NodeProto) -> Absorb | None:
    factor = g.scalar(node.input[1])
    if factor is None:
        return None

    def absorb(reader: onnx.NodeProto, x: str) -> str | None:
        if reader.op_type == "Conv":
            weight = scaled_weight(g, reader.input[1], factor)
            return None if weight is None else g.copy(reader, [x, weight, *reader.input[2:]])
        if reader.op_type == "QuantizeLinear":
            scale = scaled_weight(g, reader.input[1], 1 / factor)
            return None if scale is None else g.copy(reader, [x, scale, *reader.input[2:]])
        return None

    return absorb
