"""Folding towards the first convolutions of a network; see `fold`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx

from .builder import OWN, Floats
from .linear import before, read_linear, scaled_weight, write_linear
from .rewrite import Rewriter, attributes

Absorb = Callable[[onnx.NodeProto, str], str | None]
"""(a reader of the folded step, that step's input) to the reader's output made without the step, or None."""


@dataclass(frozen=True, slots=True)
class Step:
    """A linear step without an offset, to be moved into what reads its result."""

    absorb: Absorb
    inverse: Floats | None
    """What undoes it: a factor of any number of channels, or a matrix; None where nothing does."""


def fold_in(g: Rewriter) -> None:
    """Let convolutions and quantizers take over the scale or the channel mix that they read."""
    for node in [n for n in g.nodes if n.name.startswith(OWN)]:
        step = _scale(g, node) if node.op_type == "Mul" else _mix(g, node)
        if step is not None:
            _push(g, node.output[0], node.input[0], step)
            g.prune()


def _push(g: Rewriter, old: str, new: str, step: Step) -> None:
    """Offer the step to everything that reads it, through paddings and added constants that keep what it means."""
    for reader in [node for node in g.readers(old) if list(node.input).count(old) == 1 and node.input[0] == old]:
        if reader.op_type == "Pad" and _transparent(g, reader):
            _push(g, reader.output[0], g.copy(reader, [new, *reader.input[1:]]), step)
        elif not reader.name.startswith(OWN):
            offset = _undone(g, reader, step) if reader.op_type in ("Add", "Sub") else None
            if offset is not None:
                _push(g, reader.output[0], g.copy(reader, [new, offset]), step)
                continue
            result = step.absorb(reader, new)
            if result is not None:
                g.redirect(reader.output[0], result)


def _undone(g: Rewriter, node: onnx.NodeProto, step: Step) -> str | None:
    """What to add before the step instead of a constant for each channel after it (a mean, in most networks)."""
    shape, value = g.shape(node.output[0]), g.value(node.input[1])
    if shape is None or value is None or step.inverse is None or value.shape[-3:] != (shape[1], 1, 1):
        return None
    given = value.reshape(-1).astype(np.float64)
    before = step.inverse @ given if step.inverse.ndim else step.inverse * given
    return g.const(before.reshape(1, -1, 1, 1))


def _transparent(g: Rewriter, pad: onnx.NodeProto) -> bool:
    """Whether padding before or after a linear step is the same: it repeats values, or adds zeros to a picture."""
    if attributes(pad).get("mode", b"constant") != b"constant":
        return True
    return len(pad.input) < 3 or not pad.input[2] or g.scalar(pad.input[2]) == 0


def _mix(g: Rewriter, node: onnx.NodeProto) -> Step | None:
    mix = read_linear(g, node)
    if mix is None or not mix.pointwise or np.any(mix.bias):
        return None

    def absorb(reader: onnx.NodeProto, x: str) -> str | None:
        last = read_linear(g, reader)
        return write_linear(g, before(mix, last), x) if last is not None and last.groups == 1 else None

    square = mix.matrix.shape[0] == mix.matrix.shape[1] == np.linalg.matrix_rank(mix.matrix)
    return Step(absorb, np.asarray(np.linalg.inv(mix.matrix), np.float64) if square else None)


def _scale(g: Rewriter, node: onnx.NodeProto) -> Step | None:
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

    return Step(absorb, np.asarray(1 / factor) if factor else None)
