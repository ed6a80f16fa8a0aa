"""Integer codes between a convolution and its LeakyRelu, for runtimes that only then convolve in integers.

A quantized model has codes where a convolution reads, not where it writes: what an activation makes of the real result
is rounded once. OpenVINO computes just that. ONNX Runtime turns `codes -> Conv -> codes` into an integer convolution
and drops a ReLU on the way, but with a LeakyRelu in between it convolves real numbers, slower than the float model;
with codes on both sides of the LeakyRelu it has a table for it. The price is a second rounding.
"""

from __future__ import annotations

import numpy as np
import onnx

from .rewrite import Rewriter, attributes

COARSEST = 8.0
"""How many times wider than the steps after an activation those before it may be, unless all is below zero (where the
slope makes them alike); else the convolution stays real."""


def requantized(proto: onnx.ModelProto) -> onnx.ModelProto:
    """`proto` with codes before every LeakyRelu that has codes after it and an integer convolution before it.

    The range before is what the activation maps into the range after: what is cut off would be cut off anyway.
    The argument is not changed; shapes are to be inferred anew.
    """
    g = Rewriter(proto)
    for node in [n for n in g.nodes if n.op_type == "LeakyRelu"]:
        codes = _range_before(g, node)
        if codes is not None and _integer(g, node.input[0]):
            _quantize(g, node, *codes)
    return g.finish()


def _range_before(g: Rewriter, node: onnx.NodeProto) -> tuple[float, np.ndarray] | None:
    """Scale and zero of the codes before an activation; None where they would be too coarse, or none are after it."""
    readers = g.readers(node.output[0])
    if [reader.op_type for reader in readers] != ["QuantizeLinear"] or len(readers[0].input) < 3:
        return None
    scale, zero = g.scalar(readers[0].input[1]), g.value(readers[0].input[2])
    slope = attributes(node).get("alpha", 0.01)
    if scale is None or zero is None or zero.size != 1 or slope <= 0:
        return None
    limits = np.iinfo(zero.dtype)
    below, above = (int(zero) - limits.min) / slope, limits.max - int(zero)
    coarser = (below + above) / (limits.max - limits.min)
    if above and coarser > COARSEST:
        return None
    return scale * coarser, np.asarray(limits.min + round(below / coarser), zero.dtype)


def _integer(g: Rewriter, name: str) -> bool:
    """Whether a value is made for one reader, by a convolution of codes with codes."""
    conv = g.producer(name)
    if conv is None or conv.op_type != "Conv" or not g.private(name):
        return False
    makers = [g.producer(read) for read in conv.input[:2]]
    return all(maker is not None and maker.op_type == "DequantizeLinear" for maker in makers)


def _quantize(g: Rewriter, node: onnx.NodeProto, scale: float, zero: np.ndarray) -> None:
    coding = [g.const(scale), g.const(zero, zero.dtype)]
    codes = g.add("QuantizeLinear", [node.input[0], *coding])
    real = g.add("DequantizeLinear", [codes, *coding])
    g.redirect(node.input[0], real, [node])
