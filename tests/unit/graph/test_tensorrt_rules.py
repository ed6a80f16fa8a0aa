"""The linter of TensorRT's rules: a planted violation of each, and what the real parser says about the same graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from streamsr.engines.plan import load_flavour
from streamsr.engines.plan_log import recorder
from streamsr.graph import build_frame_graph, load_model
from streamsr.graph.builder import infer_shapes
from streamsr.graph.precision import half
from streamsr.graph.tensorrt_form import tensorrt_form
from streamsr.graph.tensorrt_rules import RULES, UNSUPPORTED, violations
from streamsr.zoo.catalog import names, resolve
from tests.unit.graph.running import stream

Values = dict[str, tuple[int, tuple[int, ...]]]
PICTURE = (1, 3, 8, 8)


def graph(
    nodes: list[onnx.NodeProto], inputs: Values, outputs: Values, opset: int = 18, **constants: np.ndarray
) -> onnx.ModelProto:
    given, made = (
        [helper.make_tensor_value_info(name, *value) for name, value in values.items()] for values in (inputs, outputs)
    )
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    proto = helper.make_model(
        helper.make_graph(nodes, "planted", given, made, tensors),
        opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("com.example", 1)],
        ir_version=10,
    )
    return infer_shapes(proto)


def one(op: str, inputs: Values, outputs: Values, opset: int = 18, domain: str = "", **rest: Any) -> onnx.ModelProto:
    """A graph of a single node, which reads all inputs and then all constants."""
    constants = {name: value for name, value in rest.items() if isinstance(value, np.ndarray)}
    attributes = {name: value for name, value in rest.items() if name not in constants}
    node = helper.make_node(op, [*inputs, *constants], list(outputs), name="bad", domain=domain, **attributes)
    return graph([node], inputs, outputs, opset, **constants)


def floats(name: str = "x", shape: tuple[int, ...] = PICTURE, kind: int = T.FLOAT) -> Values:
    return {name: (kind, shape)}


def coded(codes: type, zero: int = 0, scale: float = 0.1, width: type = np.float32, opset: int = 19) -> onnx.ModelProto:
    """Numbers as codes and back."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"], name="bad"),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"], name="back"),
    ]
    constants = {"scale": width(scale), "zero": codes(zero)}
    return graph(nodes, floats(), floats("y"), opset, **constants)


def through(kind: int) -> onnx.ModelProto:
    """Numbers that are of another type for a while."""
    nodes = [
        helper.make_node("Cast", ["x"], ["wide"], to=kind, name="there"),
        helper.make_node("Cast", ["wide"], ["y"], to=T.FLOAT, name="back"),
    ]
    return graph(nodes, floats(), floats("y"))


def grid(opset: int, mode: str) -> onnx.ModelProto:
    inputs = floats() | floats("grid", (1, 8, 8, 2))
    return one("GridSample", inputs, floats("y"), opset, mode=mode, padding_mode="border")


SCALES = np.array([1.0, 1.0, 0.5, 0.5], np.float32)

# rule -> graphs that break it, and whether the parser refuses them; where it does not, it computes something else
PLANTED: dict[str, list[tuple[Callable[[], onnx.ModelProto], bool]]] = {
    "operator": [
        (lambda: one("Det", floats(), floats("y", (1, 3))), True),
        (lambda: one("Folded", floats(), floats("y"), domain="com.example"), True),
    ],
    "border-type": [
        (lambda: one("Cast", floats(kind=T.UINT16), floats("y"), to=T.FLOAT), True),
        (lambda: one("Cast", floats(kind=T.UINT32), floats("y"), to=T.FLOAT), True),
        (lambda: one("Cast", floats(kind=T.INT16), floats("y"), to=T.FLOAT), True),
        (lambda: one("Cast", floats(), floats("y", kind=T.UINT16), to=T.UINT16), True),
        (lambda: one("Cast", floats(kind=T.DOUBLE), floats("y"), to=T.FLOAT), False),
    ],
    "byte-cast": [
        (lambda: one("Transpose", floats(kind=T.UINT8), floats("y", kind=T.UINT8), perm=[0, 1, 3, 2]), True),
        (lambda: one("Concat", floats(kind=T.UINT8), floats("y", kind=T.UINT8), axis=0), True),
    ],
    "grid-opset": [(lambda: grid(20, "linear"), False), (lambda: grid(20, "cubic"), False)],
    "resize": [
        (
            lambda: one(
                "Resize",
                floats(),
                floats("y", (1, 3, 4, 4)),
                antialias=1,
                mode="linear",
                roi=np.zeros(0, np.float32),
                scales=SCALES,
            ),
            True,
        ),
    ],
    "code-type": [
        (lambda: coded(np.uint8), False),
        (
            lambda: graph(
                [
                    helper.make_node("DequantizeLinear", ["codes", "scale"], ["b"], name="bad"),
                    helper.make_node("Add", ["x", "b"], ["y"]),
                ],
                floats(shape=(4,)),
                floats("y", (4,)),
                codes=np.ones(4, np.int32),
                scale=np.float32(0.1),
            ),
            True,
        ),
    ],
    "zero-point": [(lambda: coded(np.int8, 3), True)],
    "scale": [(lambda: coded(np.int8, scale=0.0), True), (lambda: coded(np.int8, width=np.float16), False)],
    "inner-type": [
        (lambda: through(T.DOUBLE), False),
        (lambda: through(T.UINT16), True),
        (lambda: through(T.INT16), True),
    ],
    "operand-type": [
        (lambda: one("Add", floats() | floats("z", kind=T.FLOAT16), floats("y")), True),
        (lambda: one("Concat", floats() | floats("z", kind=T.FLOAT16), floats("y", (1, 6, 8, 8)), axis=1), True),
        (
            lambda: one(
                "Conv",
                floats(kind=T.FLOAT16),
                floats("y", kind=T.FLOAT16),
                w=np.ones((3, 3, 1, 1), np.float16),
                b=np.ones(3, np.float32),
            ),
            True,
        ),
        (
            lambda: one(
                "PRelu", floats(kind=T.FLOAT16), floats("y", kind=T.FLOAT16), slope=np.ones((3, 1, 1), np.float32)
            ),
            True,
        ),
        (
            lambda: one(
                "GridSample",
                floats(kind=T.FLOAT16) | floats("g", (1, 8, 8, 2)),
                floats("y", kind=T.FLOAT16),
                mode="bilinear",
            ),
            True,
        ),
    ],
}
CASES = [(rule, index) for rule, planted in PLANTED.items() for index in range(len(planted))]


def test_every_rule_has_a_planted_violation() -> None:
    assert PLANTED.keys() == RULES.keys()


@pytest.mark.parametrize(("rule", "index"), CASES)
def test_planted_violations_are_found(rule: str, index: int) -> None:
    found = violations(PLANTED[rule][index][0]())
    assert rule in {violation.rule for violation in found}
    assert all(str(violation).startswith(f"{violation.where}: ") for violation in found)


@pytest.mark.tensorrt_rtx
@pytest.mark.parametrize(("rule", "index"), CASES)
def test_the_parser_agrees(rule: str, index: int) -> None:
    build, refused = PLANTED[rule][index]
    assert parses(build()) is not refused


@pytest.mark.tensorrt_rtx
def test_the_list_of_unsupported_operators_is_the_parsers() -> None:
    every = {schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""}
    with real_parser() as parser:
        assert {name for name in every if not parser.supports_operator(name)} <= UNSUPPORTED
        assert not any(parser.supports_operator(name) for name in UNSUPPORTED)


@contextmanager
def real_parser() -> Iterator[Any]:
    """TensorRT's own, with what must live as long as it does."""
    trt: Any = load_flavour("tensorrt-rtx")
    builder = trt.Builder(recorder(trt))
    network = builder.create_network(0)
    yield trt.OnnxParser(network, recorder(trt))


def parses(proto: onnx.ModelProto) -> bool:
    with real_parser() as parser:
        return bool(parser.parse(proto.SerializeToString()))


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("layout", ["nv12", "p010"])
def test_bundled_models_break_no_rule(name: str, layout: str) -> None:
    plain = build_frame_graph([load_model(resolve(name).path)], stream(layout, (64, 48)))
    for form in (plain, half(plain)):
        assert violations(tensorrt_form(form.proto)) == []


def test_a_violation_says_where_and_what() -> None:
    (found,) = violations(PLANTED["operand-type"][0][0]())
    assert str(found) == "Add 'bad': reads float and float16: operands must be of one type, cast them"
