"""Which nodes of a frame graph compute in half precision: its networks, and nothing that must be exact.

What multiplies many numbers begins it: convolutions and matrix products of a model. Pointwise operators, pooling and
resizing follow what they read, and so does what only moves numbers. Everything else stays in float32:

- the frame graph's own nodes: codes of 8 to 16 bits, colour matrices, optical flow, the grids that pictures are read
  at, all of the smoother (`flow` says why), and its state;
- a model's statistics: means, variances, norms, what is divided by them, exponentials;
- what leads from planes to planes without any activation, such as an interpolation, or the enlarged picture that a
  network adds its details to; and that sum: half precision has 11 bits, which a code of 10 nearly fills;
- what depends on controls alone, a handful of numbers;
- what is next to 8-bit integers: their scales are float32.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import onnx
from onnx import TensorProto

from .builder import OWN
from .model import opset_of
from .operands import operands, value_types
from .rewrite import Rewriter

STARTING = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
SUMMING = frozenset({"Add", "Sub", "Sum"})
_FOLLOWING = (
    "Abs AveragePool Clip Elu Erf Gelu HardSigmoid HardSwish LeakyRelu Max MaxPool Min Mish Mul Neg PRelu Relu Resize "
    "Selu Sigmoid Softsign Tanh ThresholdedRelu"
)
FOLLOWING = frozenset(_FOLLOWING.split())
_MOVING = (
    "Concat DepthToSpace Expand Flatten Gather Identity Pad Reshape Slice SpaceToDepth Split Squeeze Tile Transpose "
    "Unsqueeze"
)
MOVING = frozenset(_MOVING.split())

_LINEAR = STARTING | SUMMING | MOVING | {"AveragePool", "Neg", "Resize"}


class HalfNodes:
    """The choice of nodes, made by walking once through a graph whose nodes are in order."""

    def __init__(self, proto: onnx.ModelProto, g: Rewriter, told: Collection[str]) -> None:
        """Prepare the choice among the nodes of `g`, made of `proto`, whose inputs `told` are no pictures."""
        self._g, self._opset, self._kinds = g, opset_of(proto), value_types(proto)
        self._outputs = {value.name for value in proto.graph.output}
        given = {value.name for value in proto.graph.input}
        self._fixed = _fixed(g, given.difference(told))
        self._inner = _inner(g, self._fixed)

    def choose(self, fits: Callable[[onnx.NodeProto, bool], bool]) -> set[str]:
        """First outputs of the nodes that shall compute in half precision.

        `fits` is asked about each: whether its constants can be had in it, when what it reads is in half precision
        already, or is not.
        """
        chosen: set[str] = set()
        half: set[str] = set()
        for node in self._g.nodes:
            if self._wanted(node, half) and fits(node, node.input[0] in half):
                chosen.add(node.output[0])
                half.update(node.output)
        return chosen

    def _wanted(self, node: onnx.NodeProto, half: set[str]) -> bool:
        """Whether a node should, when `half` holds the values before it that are in half precision."""
        read = [node.input[i] for i in operands(node, self._opset) if node.input[i] not in self._fixed]
        if not read or self._kinds.get(node.output[0]) != TensorProto.FLOAT or not self._replaceable(node):
            return False
        op, own = node.op_type, node.name.startswith(OWN)
        narrow = [name in half for name in read]
        if op in MOVING:
            return all(narrow) or (any(narrow) and not own)
        if op in STARTING:
            return node.output[0] in self._inner and not self._beside_integers(node)
        return not own and ((op in SUMMING and all(narrow)) or (op in FOLLOWING and any(narrow)))

    def _replaceable(self, node: onnx.NodeProto) -> bool:
        """Whether only nodes read its outputs, by their inputs: no nested graph, not whoever runs the graph."""
        readers = ((name, reader) for name in node.output for reader in self._g.readers(name))
        return self._outputs.isdisjoint(node.output) and all(name in reader.input for name, reader in readers)

    def _beside_integers(self, node: onnx.NodeProto) -> bool:
        makers = (self._g.producer(name) for name in node.input)
        return any(maker is not None and maker.op_type == "DequantizeLinear" for maker in makers)


def _fixed(g: Rewriter, pictures: Collection[str]) -> set[str]:
    """Values that no picture has a part in: constants, controls, and what is computed from those alone."""
    moving = set(pictures)
    for node in g.nodes:
        if not moving.isdisjoint(node.input):
            moving.update(node.output)
    read = {name for node in g.nodes for name in (*node.input, *node.output)}
    return read - moving


def _inner(g: Rewriter, fixed: set[str]) -> set[str]:
    """First outputs of the models' nodes before or behind an activation, or anything else that is not linear."""
    models = [node for node in g.nodes if not node.name.startswith(OWN)]
    bent = [node for node in models if not _linear(node, fixed)]
    behind = {name for node in bent for name in node.output}
    for node in models:
        if not behind.isdisjoint(node.input):
            behind.update(node.output)
    before = {name for node in bent for name in node.input}
    for node in reversed(models):
        if not before.isdisjoint(node.output):
            before.update(node.input)
    return {node.output[0] for node in models if not (behind | before).isdisjoint(node.output)}


def _linear(node: onnx.NodeProto, fixed: set[str]) -> bool:
    factors = [name for name in node.input if name not in fixed]
    return node.op_type in _LINEAR or not factors or (node.op_type == "Mul" and len(factors) == 1)
