"""Planes that nothing reads (transparency that the target cannot hold) stay inputs on every runtime."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from .rewrite import Rewriter


def keep_unread_inputs(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Let the first output depend on every input, by adding nothing times one sample of those it ignores.

    OpenVINO and TensorRT drop an input that no output needs, and with it its name; engines hand over all planes.
    """
    g = Rewriter(proto)
    unread = [value.name for value in proto.graph.input if not g.readers(value.name)]
    first = g.producer(proto.graph.output[0].name)
    if not unread or first is None:
        return proto
    total = first.input[0]
    for name in unread:
        total = g.add("Add", [total, _nothing(g, name)])
    first.input[0] = total
    return g.finish()


def _nothing(g: Rewriter, name: str) -> str:
    """Zero, made of the first sample of a plane."""
    levels = g.add("Cast", [name], to=TensorProto.FLOAT)
    flat = g.add("Reshape", [levels, g.const([-1], np.int64)])
    sample = g.add("Slice", [flat, *(g.const([bound], np.int64) for bound in (0, 1, 0))])
    return g.add("Mul", [sample, g.const(0)])
