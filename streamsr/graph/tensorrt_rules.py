"""What TensorRT demands of a graph, as far as the graph itself tells: a linter for its parser's rules.

Some of these rules its parser enforces, in words about its own source; others it breaks without a word and makes
another picture. TensorRT is not needed here, and a graph that passes may still be refused by its compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from .model import opset_of
from .operands import operands, value_types
from .rewrite import Array, attributes

BORDER = frozenset(
    {
        TensorProto.FLOAT,
        TensorProto.FLOAT16,
        TensorProto.BFLOAT16,
        TensorProto.UINT8,
        TensorProto.INT32,
        TensorProto.INT64,
        TensorProto.BOOL,
    }
)
"""Element types of a graph's inputs and outputs."""
INSIDE = (BORDER | {TensorProto.INT8, TensorProto.INT4, TensorProto.FLOAT8E4M3FN}) - {TensorProto.UINT8}
"""Element types of everything else."""
GRID_OPSETS = range(16, 20)
_CODING = ("QuantizeLinear", "DequantizeLinear")

_UNSUPPORTED = (
    "AffineGrid Bernoulli BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad Col2Im Compress "
    "ConcatFromSequence ConvInteger CumProd DFT DeformConv Det DynamicQuantizeLinear ImageDecoder MatMulInteger "
    "MaxRoiPool MaxUnpool MelWeightMatrix Multinomial NegativeLogLikelihoodLoss Optional OptionalGetElement "
    "OptionalHasElement QLinearConv QLinearMatMul RegexFullMatch SequenceAt SequenceConstruct SequenceEmpty "
    "SequenceErase SequenceInsert SequenceLength SequenceMap SoftmaxCrossEntropyLoss SplitToSequence StringConcat "
    "StringNormalizer StringSplit SwiGLU TfIdfVectorizer Unique"
)
UNSUPPORTED = frozenset(_UNSUPPORTED.split())
"""ONNX operators that its parser does not know."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that a graph breaks."""

    rule: str
    """Its name, one of `RULES`."""
    where: str
    """The node, input or output."""
    what: str
    """What is wrong, and what would be right."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class _Subject:
    """A graph with its types, values and makers at hand."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        self.graph, self.opset = proto.graph, opset_of(proto)
        self.kinds = value_types(proto)
        self.makers = {name: node for node in proto.graph.node for name in node.output}
        self.borders = [*proto.graph.input, *proto.graph.output]

    @cached_property
    def constants(self) -> dict[str, Array]:
        return {tensor.name: numpy_helper.to_array(tensor) for tensor in self.graph.initializer}

    def kind(self, name: str) -> int:
        return self.kinds.get(name, TensorProto.UNDEFINED)


def violations(proto: onnx.ModelProto) -> list[Violation]:
    """Every rule that a graph breaks, and where; its types must have been inferred (`builder.infer_shapes`)."""
    subject = _Subject(proto)
    return [Violation(name, where, what) for name, rule in RULES.items() for where, what in rule(subject)]


Findings = Iterator[tuple[str, str]]


def _border_types(s: _Subject) -> Findings:
    for value in s.borders:
        kind = value.type.tensor_type.elem_type
        if kind not in BORDER:
            yield value.name, f"{_name(kind)} cannot cross the border of an engine; 16-bit planes go as pairs of uint8"


def _inner_types(s: _Subject) -> Findings:
    borders = {value.name for value in s.borders}
    for name, kind in s.kinds.items():
        if name not in borders and kind not in (*INSIDE, TensorProto.UNDEFINED):
            yield name, f"{_name(kind)} is no type to compute in; cast it to float32 or int32"


def _bytes_are_cast(s: _Subject) -> Findings:
    given = {value.name for value in s.graph.input if value.type.tensor_type.elem_type == TensorProto.UINT8}
    made = {value.name for value in s.graph.output if value.type.tensor_type.elem_type == TensorProto.UINT8}
    for node in s.graph.node:
        touched = given.intersection(node.input) | made.intersection(node.output)
        if touched and node.op_type not in ("Cast", "Identity", "Shape"):
            yield _label(node), f"uint8 is for casts alone: cast {', '.join(sorted(touched))} outside of it"


def _operand_types(s: _Subject) -> Findings:
    for node in s.graph.node:
        kinds = [s.kind(node.input[i]) for i in operands(node, s.opset)]
        if node.op_type == "GridSample":
            kinds += [s.kind(node.input[1])]
        if len(set(kinds) - {TensorProto.UNDEFINED}) > 1:
            yield _label(node), f"reads {' and '.join(map(_name, kinds))}: operands must be of one type, cast them"


def _grid_opset(s: _Subject) -> Findings:
    for node in s.graph.node:
        if node.op_type == "GridSample" and s.opset not in GRID_OPSETS:
            reason = "becomes 'nearest' without a word in some releases" if s.opset >= 20 else "does not exist"
            yield _label(node), f"the interpolation {reason} at operator set {s.opset}; export at 18"


def _code_types(s: _Subject) -> Findings:
    for node in s.graph.node:
        if node.op_type in _CODING:
            kind = s.kind(node.output[0] if node.op_type == "QuantizeLinear" else node.input[0])
            if kind not in (TensorProto.INT8, TensorProto.INT4, TensorProto.FLOAT8E4M3FN):
                yield _label(node), f"codes of {_name(kind)} are taken for others or refused; use int8 (`symmetric`)"


def _zero_points(s: _Subject) -> Findings:
    for node in s.graph.node:
        zero = node.input[2] if node.op_type in _CODING and len(node.input) > 2 else ""
        if zero and (zero not in s.constants or s.constants[zero].any()):
            yield _label(node), "its zero point must be the constant 0; make the codes symmetric"


def _scales(s: _Subject) -> Findings:
    for node in s.graph.node:
        if node.op_type not in _CODING:
            continue
        scale, real = node.input[1], node.input[0] if node.op_type == "QuantizeLinear" else node.output[0]
        if scale not in s.constants or not np.all(s.constants[scale] > 0):
            yield _label(node), "its scale must be a constant above 0"
        elif TensorProto.UNDEFINED not in (s.kind(scale), s.kind(real)) and s.kind(scale) != s.kind(real):
            yield _label(node), f"its scale is {_name(s.kind(scale))}, what it codes {_name(s.kind(real))}"


def _operators(s: _Subject) -> Findings:
    for node in s.graph.node:
        if node.op_type in UNSUPPORTED or not onnx.defs.has(node.op_type):
            yield _label(node), "TensorRT has no such operator; export the model with standard ones"


def _resizing(s: _Subject) -> Findings:
    for node in s.graph.node:
        given = attributes(node) if node.op_type == "Resize" else {}
        if given.get("antialias", 0):
            yield _label(node), "TensorRT does not antialias; filter with a convolution"


RULES: dict[str, Callable[[_Subject], Findings]] = {
    "operator": _operators,
    "border-type": _border_types,
    "byte-cast": _bytes_are_cast,
    "grid-opset": _grid_opset,
    "resize": _resizing,
    "code-type": _code_types,
    "zero-point": _zero_points,
    "scale": _scales,
    "inner-type": _inner_types,
    "operand-type": _operand_types,
}
"""The rules by name, those first whose breaking explains that of others."""


def _label(node: onnx.NodeProto) -> str:
    return f"{node.op_type} {node.name or node.output[0]!r}"


def _name(kind: int) -> str:
    return str(TensorProto.DataType.Name(kind)).lower()
