"""The same function in TensorRT's words: channels joined as channels, codes around zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from streamsr.engines.levels import levels, psnr
from streamsr.graph import FrameGraph, build_frame_graph, load_model
from streamsr.graph.operands import value_types
from streamsr.graph.tensorrt_form import tensorrt_form
from streamsr.graph.tensorrt_rules import violations
from streamsr.zoo.catalog import names, resolve
from tests.nets import small
from tests.unit.engines.graphs import frames
from tests.unit.graph.running import stream
from tests.unit.graph.test_precision import moving, outputs

SIZE = (64, 48)
INT8_FLOOR = 38.0
INT8 = [name for name in names() if "int8" in resolve(name).variants and not name.startswith("style")]


def form_of(graph: FrameGraph) -> FrameGraph:
    proto = tensorrt_form(graph.proto)
    onnx.checker.check_model(proto, full_check=True)
    return replace(graph, proto=proto)


@pytest.mark.parametrize("layout", ["nv12", "p010", "rgba", "gray"])
@pytest.mark.parametrize("smooth", [0.0, 0.85])
def test_pictures_stay_the_same(layout: str, smooth: float) -> None:
    graph = build_frame_graph([small("rgb"), small("luma")], stream(layout, SIZE), smooth=smooth)
    form = form_of(graph)
    pictures = moving(layout, 3)
    for a, b in zip(outputs(graph, pictures), outputs(form, pictures), strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert violations(form.proto) == []


def test_joins_of_rows_become_joins_of_channels() -> None:
    graph = build_frame_graph([], stream("nv12", SIZE), smooth=0.85)
    joins = [node for node in form_of(graph).proto.graph.node if node.op_type == "Concat"]
    assert joins
    assert all(node.attribute[0].i != 0 for node in joins)
    assert sum(node.op_type == "Reshape" for node in form_of(graph).proto.graph.node) < 10


@pytest.mark.parametrize("name", INT8)
def test_codes_become_symmetric(name: str) -> None:
    source = stream("nv12", (96, 64))
    quantized = build_frame_graph([load_model(resolve(f"{name}.int8").path)], source)
    plain = build_frame_graph([load_model(resolve(name).path)], source)
    form = form_of(quantized)
    assert violations(quantized.proto)
    assert violations(form.proto) == []
    (picture,) = frames(source, 1)
    (wanted,), (given,) = outputs(plain, [picture]), outputs(form, [picture])
    layout = plain.output.layout
    pairs = zip(levels(wanted, layout), levels(given, layout), strict=True)
    assert min(psnr(a, b) for a, b in pairs) >= INT8_FLOOR


def test_codes_hold_their_whole_range() -> None:
    """TensorRT takes uint8 codes for int8 of the same scale: all above half the range would be cut off."""
    graph = build_frame_graph([load_model(resolve("live-x2.int8").path)], stream("nv12", SIZE))
    before, after = (scales(proto) for proto in (graph.proto, tensorrt_form(graph.proto)))
    np.testing.assert_allclose(after, np.array(before) * (255 / 127), rtol=1e-6)


def scales(proto: onnx.ModelProto) -> list[float]:
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    return sorted(float(constants[n.input[1]]) for n in proto.graph.node if n.op_type == "QuantizeLinear")


def test_a_zero_in_the_middle_keeps_both_sides() -> None:
    graph = quantizing(np.uint8, 100)
    form = form_of(graph)
    ramp = np.linspace(-1, 1.5, 24, dtype=np.float32)
    assert np.abs(values(form, ramp) - values(graph, ramp)).max() <= 0.01 * 155 / 127
    assert value_types(form.proto)["codes"] == TensorProto.INT8


def quantizing(dtype: type, zero: int) -> FrameGraph:
    """Codes of the scale 0.01, padded with what is zero, and back."""
    node, value = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    constants = {"scale": np.float32(0.01), "zero": dtype(zero), "pads": np.array([2, 1])}
    nodes = [
        node("QuantizeLinear", ["x", "scale", "zero"], ["codes"]),
        node("Pad", ["codes", "pads", "zero"], ["padded"]),
        node("DequantizeLinear", ["padded", "scale", "zero"], ["y"]),
    ]
    given, made = value("x", TensorProto.FLOAT, [24]), value("y", TensorProto.FLOAT, [27])
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    proto = onnx.helper.make_model(
        onnx.helper.make_graph(nodes, "codes", [given], [made], tensors),
        opset_imports=[onnx.helper.make_opsetid("", 18)],
        ir_version=10,
    )
    gray = stream("gray", SIZE)
    return FrameGraph(onnx.shape_inference.infer_shapes(proto), gray, gray, 0, 1)


def values(graph: FrameGraph, x: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(graph.proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"x": x})
    return result


def test_signed_codes_around_zero_stay_as_they_are() -> None:
    graph = quantizing(np.int8, 0)
    ramp = np.linspace(-1, 1.5, 24, dtype=np.float32)
    assert np.array_equal(values(form_of(graph), ramp), values(graph, ramp))
    assert scales(form_of(graph).proto) == scales(graph.proto)
