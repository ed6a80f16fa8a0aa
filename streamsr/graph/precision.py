"""The fp16 form of a frame graph. TensorRT is strongly typed: what is to be computed in half precision, says so.

The networks' weights become float16 constants, and casts stand where a picture enters or leaves half precision. Which
nodes that concerns is told in `half_nodes`.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from math import floor, log2

import numpy as np
import onnx
from onnx import TensorProto

from .builder import infer_shapes
from .frame_graph import FrameGraph
from .half_nodes import STARTING, HalfNodes
from .model import RESET, opset_of
from .operands import operands
from .rewrite import Array, Rewriter

log = logging.getLogger(__name__)

HALF_MAX = 65504.0
"""The largest number of half precision."""
LOSS_MAX = 2.0**-9
"""Share of a tensor of weights, by its norm, that rounding may take: four times what it takes of ordinary ones."""

_WEIGHTS_LEAST = -5
"""Weights whose largest is below two to this power are enlarged, for half precision has no numbers below 2**-24."""
_SHIFT_MAX = 14
"""More than codes of 16 bits need; what is smaller still is not a matter of codes."""
_BOUNDING = frozenset({"Clip", "Max", "Min"})


def half(graph: FrameGraph) -> FrameGraph:
    """The same graph with its networks in half precision; its inputs, outputs and state keep their types.

    Codes that a convolution reads are made smaller by a power of two, and its weights larger by the same: exact, and
    neither is then lost among the smallest numbers there are. Weights that half precision does not hold nevertheless
    stay as they are, with their nodes, and that is said. A graph without any network is returned as it is.
    """
    g = Rewriter(graph.proto)
    opset = opset_of(graph.proto)
    choice = HalfNodes(graph.proto, g, {RESET, *graph.controls})
    chosen = choice.choose(lambda node, within: _fits(g, node, opset, within))
    if not chosen:
        return graph
    _Casting(g, opset, chosen).apply()
    return replace(graph, proto=infer_shapes(g.finish()))


def _fits(g: Rewriter, node: onnx.NodeProto, opset: int, within: bool) -> bool:
    """Whether half precision holds the constants of a node that stands at the beginning of a network, or `within`."""
    if node.op_type in _BOUNDING:
        return True
    for i in operands(node, opset):
        value = g.value(node.input[i])
        if value is None:
            continue
        weights = node.op_type in STARTING and i == 1
        shift = _shift(node, value) if weights and not within else 0
        if not _holds(value * 2.0**shift, weights=weights):
            log.warning("%s stays in fp32: fp16 does not hold its constant %s", node.name, node.input[i])
            return False
    return True


def _holds(value: Array, *, weights: bool) -> bool:
    if not np.all(np.abs(value) <= HALF_MAX):
        return False
    loss = np.linalg.norm((_halved(value) - value).ravel())
    return not weights or bool(loss <= LOSS_MAX * np.linalg.norm(value.ravel()))


def _shift(node: onnx.NodeProto, weights: Array) -> int:
    """The power of two by which weights are to be enlarged: that of a convolution that reads codes is large."""
    peak = float(np.abs(weights).max(initial=0)) if node.op_type == "Conv" else 0.0
    return min(_SHIFT_MAX, max(0, _WEIGHTS_LEAST - floor(log2(peak)))) if peak > 0 else 0


def _halved(value: Array) -> Array:
    return np.clip(value, -HALF_MAX, HALF_MAX).astype(np.float16)


class _Casting:
    """Puts casts where chosen nodes meet others."""

    def __init__(self, g: Rewriter, opset: int, chosen: set[str]) -> None:
        self._g, self._opset, self._chosen = g, opset, chosen
        self._made: dict[tuple[str, int, int], str] = {}
        """Values cast already: by name, type and power of two."""
        self._half: set[str] = set()

    def apply(self) -> None:
        for node in list(self._g.nodes):
            if node.output[0] in self._chosen:
                self._narrow(node)
                self._half.update(node.output)
            elif node.op_type != "Cast":
                self._widen(node)

    def _narrow(self, node: onnx.NodeProto) -> None:
        """Let a node read half precision."""
        weights = self._g.value(node.input[1]) if node.op_type == "Conv" else None
        shift = 0 if weights is None or node.input[0] in self._half else _shift(node, weights)
        for i in operands(node, self._opset):
            if node.input[i] not in self._half:
                node.input[i] = self._cast(node.input[i], TensorProto.FLOAT16, (-shift, shift, 0)[i] if shift else 0)

    def _widen(self, node: onnx.NodeProto) -> None:
        for i, name in enumerate(node.input):
            if name in self._half:
                node.input[i] = self._cast(name, TensorProto.FLOAT, 0)

    def _cast(self, name: str, kind: int, shift: int) -> str:
        """A value times two to the power of `shift`, as another type."""
        key = name, kind, shift
        if key not in self._made:
            self._made[key] = self._new(name, kind, shift)
        return self._made[key]

    def _new(self, name: str, kind: int, shift: int) -> str:
        value = self._g.value(name)
        if value is not None:
            return self._g.const(_halved(value * 2.0**shift), np.float16)
        scaled = self._g.add("Mul", [name, self._g.const(2.0**shift)]) if shift else name
        return self._g.add("Cast", [scaled], to=kind)
