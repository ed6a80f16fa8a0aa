"""Element types in a graph: what each value has, and which inputs of a node must have the same, by ONNX's schemas."""

from __future__ import annotations

from functools import cache

import onnx


def operands(node: onnx.NodeProto, opset: int) -> tuple[int, ...]:
    """Positions of the inputs, those left out excepted, that have the type of the node's first output.

    A Conv's are its input, weights and bias; a Resize's is its picture, but not its scales. None for operators that
    are not ONNX's own, and for those whose first output has a type that no input has.
    """
    if node.domain not in ("", "ai.onnx"):
        return ()
    variables, repeated = _inputs(node.op_type, opset)
    result = _output(node.op_type, opset)
    kinds = (variables[i] if i < len(variables) else repeated for i in range(len(node.input)))
    return tuple(i for i, kind in enumerate(kinds) if kind is not None and kind == result and node.input[i])


def value_types(proto: onnx.ModelProto) -> dict[str, int]:
    """The element type of every value of a graph whose shapes were inferred, by name."""
    graph = proto.graph
    values = (*graph.value_info, *graph.input, *graph.output)
    constants = {constant.name: constant.data_type for constant in graph.initializer}
    return {value.name: value.type.tensor_type.elem_type for value in values} | constants


@cache
def _schema(op: str, opset: int) -> onnx.defs.OpSchema | None:
    try:
        return onnx.defs.get_schema(op, opset)
    except onnx.defs.SchemaError:
        return None


@cache
def _inputs(op: str, opset: int) -> tuple[tuple[str, ...], str | None]:
    """The type variable of each input, and of those beyond the last where there may be any number."""
    schema = _schema(op, opset)
    if schema is None or not schema.inputs:
        return (), None
    variables = tuple(given.type_str for given in schema.inputs)
    last = schema.inputs[-1]
    endless = last.option == onnx.defs.OpSchema.FormalParameterOption.Variadic and last.is_homogeneous
    return variables, last.type_str if endless else None


@cache
def _output(op: str, opset: int) -> str | None:
    schema = _schema(op, opset)
    return schema.outputs[0].type_str if schema is not None and schema.outputs else None
