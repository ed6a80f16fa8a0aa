"""The fp16 form of frame graphs: what changes type, what must not, and how little of the picture it costs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from streamsr.engines.levels import levels, psnr
from streamsr.graph import FrameGraph, Model, build_frame_graph, load_model
from streamsr.graph.builder import OWN
from streamsr.graph.half_nodes import MOVING
from streamsr.graph.operands import value_types
from streamsr.graph.precision import half
from streamsr.zoo.catalog import names, resolve
from tests.nets import Net, model, small
from tests.unit.engines.graphs import frames
from tests.unit.graph.running import stream

SIZE = (64, 48)
FLOOR = 45.0
"""dB on 8-bit levels: what the accuracy guard demands of fp16."""


def kinds(graph: FrameGraph, *ops: str) -> Counter[str]:
    """How many nodes of these operators (of all) write which type."""
    types = value_types(graph.proto)
    chosen = [node for node in graph.proto.graph.node if not ops or node.op_type in ops]
    return Counter(TensorProto.DataType.Name(types[node.output[0]]) for node in chosen)


def outputs(graph: FrameGraph, pictures: list, told: dict[str, np.ndarray] | None = None) -> list:
    """The pictures a graph makes one after the other, its state carried; by ONNX Runtime, nothing fused."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(graph.proto.SerializeToString(), options, ["CPUExecutionProvider"])
    shapes = {value.name: value.shape for value in session.get_inputs()}
    state = {name: np.zeros(shapes[name], np.float32) for name, _ in graph.state}
    made = []
    for index, planes in enumerate(pictures):
        feeds = {f"plane.{i}": plane for i, plane in enumerate(planes)} | state | (told or {})
        feeds |= {"reset": np.array(index == 0, np.float32)} if "reset" in shapes else {}
        found = dict(zip([value.name for value in session.get_outputs()], session.run(None, feeds), strict=True))
        state = {before: found[after] for before, after in graph.state}
        made.append(tuple(found[f"out.{i}"] for i in range(len(graph.output.layout.planes))))
    return made


def worst(graph: FrameGraph, other: FrameGraph, pictures: list, told: dict[str, np.ndarray] | None = None) -> float:
    """The least PSNR of any plane of any picture, dB on 8-bit levels."""
    pairs = zip(outputs(graph, pictures, told), outputs(other, pictures, told), strict=True)
    layout = graph.output.layout
    return min(psnr(x, y) for a, b in pairs for x, y in zip(levels(a, layout), levels(b, layout), strict=True))


def moving(layout: str, count: int) -> list:
    """A picture that glides to the right."""
    (first,) = frames(stream(layout, SIZE), 1)
    return [tuple(np.roll(plane, 2 * i, 1) for plane in first) for i in range(count)]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("layout", ["nv12", "p010"])
def test_bundled_models_stay_within_the_floor(name: str, layout: str) -> None:
    graph = build_frame_graph([load_model(resolve(name).path)], stream(layout, SIZE))
    form = half(graph)
    onnx.checker.check_model(form.proto, full_check=True)
    told = {name: np.full(shape(graph, name), 1 / max(shape(graph, name)), np.float32) for name in graph.controls}
    if form is graph:
        assert not any(node.op_type in ("Relu", "Sigmoid", "PRelu") for node in graph.proto.graph.node)
        return
    assert kinds(form, "Conv")["FLOAT16"] >= 4
    assert worst(graph, form, frames(graph.input, 2), told) >= FLOOR + 10


def shape(graph: FrameGraph, name: str) -> list[int]:
    value = next(value for value in graph.proto.graph.input if value.name == name)
    return [dim.dim_value for dim in value.type.tensor_type.shape.dim]


@pytest.mark.parametrize("fixed", [True, False])
def test_style_smoothing_and_upscaling_in_one_graph(fixed: bool) -> None:
    chain = [load_model(resolve(name).path) for name in ("style-live", "live-x2")]
    styles = len(chain[0].spec.conditioning)
    look = np.full((1, styles), 1 / styles, np.float32), np.full((1, 1), 0.9, np.float32)
    graph = build_frame_graph(chain, stream("nv12", SIZE), conditions={0: look} if fixed else None, smooth=0.85)
    form = half(graph)
    onnx.checker.check_model(form.proto, full_check=True)
    assert borders(form) == borders(graph)
    assert (form.state, form.controls) == (graph.state, graph.controls)
    assert kinds(form, "GridSample", "GlobalAveragePool", "Div", "Exp", "MatMul").keys() == {"FLOAT"}
    assert worst(graph, form, moving("nv12", 5), dict(zip(graph.controls, look, strict=False))) >= FLOOR + 10


def borders(graph: FrameGraph) -> list[tuple[str, int]]:
    return [(v.name, v.type.tensor_type.elem_type) for v in (*graph.proto.graph.input, *graph.proto.graph.output)]


@pytest.mark.parametrize("layout", ["nv12", "p010", "rgba"])
def test_only_the_networks_change(layout: str) -> None:
    form = half(build_frame_graph([small("rgb", layers=4, width=16)], stream(layout, SIZE), smooth=0.85))
    types = value_types(form.proto)
    own = [node for node in form.proto.graph.node if node.name.startswith(OWN) and node.op_type not in MOVING]
    assert own
    assert all(types[node.output[0]] != TensorProto.FLOAT16 for node in own)
    assert kinds(form, "Relu") == {"FLOAT16": 3}
    assert kinds(form, "GridSample").keys() == {"FLOAT"}


def test_an_interpolation_stays_exact() -> None:
    graph = build_frame_graph([small("luma", layers=1, residual=False)], stream("p010", SIZE))
    assert half(graph) is graph


def test_the_picture_a_network_adds_to_stays_exact() -> None:
    form = half(build_frame_graph([small("luma")], stream("nv12", SIZE)))
    types = value_types(form.proto)
    (total,) = [node for node in form.proto.graph.node if node.op_type == "Add" and not node.name.startswith(OWN)]
    assert types[total.output[0]] == TensorProto.FLOAT
    assert kinds(form, "Conv") == {"FLOAT16": 3, "FLOAT": 3}


def test_statistics_stay_exact() -> None:
    net = Net("rgb")
    net.conv(8, 3)
    net.op("InstanceNormalization", net.x, net.const(np.ones(8, np.float32)), net.const(np.zeros(8, np.float32)))
    net.op("Relu", net.x)
    net.conv(8, 8)
    mean = net.op("ReduceMean", net.x, net.const(np.array([2, 3])), keepdims=1)
    gate = net.op("Sigmoid", mean)
    net.op("Mul", "Conv3", gate)
    net.conv(3, 8)
    form = half(build_frame_graph([model(net, "norms")], stream("gbrp", SIZE)))
    assert kinds(form, "InstanceNormalization", "ReduceMean") == {"FLOAT": 2}
    assert kinds(form, "Conv", "Mul")["FLOAT16"] == 4


@pytest.mark.parametrize(("factor", "what"), [(1e7, "too large"), (1e-9, "too small")])
def test_weights_that_fp16_does_not_hold_stay(factor: float, what: str, caplog: pytest.LogCaptureFixture) -> None:
    net = small("luma", layers=4, width=8)
    for tensor in net.proto.graph.initializer:
        if tensor.name == "w2":
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(factor), "w2"))
    form = half(build_frame_graph([net], stream("nv12", SIZE)))
    assert kinds(form, "Conv")["FLOAT16"] == 3, what
    assert "fp16 does not hold its constant" in caplog.text
    onnx.checker.check_model(form.proto, full_check=True)


@pytest.mark.parametrize("layout", ["yuv420p", "p010", "yuv420p16"])
def test_small_weights_on_large_codes_are_balanced_exactly(layout: str) -> None:
    graph = build_frame_graph([small("luma", layers=4)], stream(layout, SIZE))
    form = half(graph)
    narrow = [numpy_helper.to_array(t) for t in form.proto.graph.initializer if t.data_type == TensorProto.FLOAT16]
    least = min(np.abs(weight).max() for weight in narrow if weight.ndim == 4)
    assert least >= 2**-5
    assert worst(graph, form, frames(graph.input, 1)) >= FLOOR + 10


def test_integers_stay_integers() -> None:
    graph = build_frame_graph([load_model(resolve("live-x2.int8").path)], stream("nv12", SIZE))
    assert half(graph) is graph
    mixed = build_frame_graph(
        [small("rgb", 1, layers=3), load_model(resolve("live-x2.int8").path)], stream("nv12", SIZE)
    )
    form = half(mixed)
    assert kinds(form, "Relu")["FLOAT16"] == 2
    assert kinds(form, "QuantizeLinear") == kinds(mixed, "QuantizeLinear")
    assert kinds(form, "DequantizeLinear") == kinds(mixed, "DequantizeLinear")


def test_a_model_that_is_half_already_stays_valid() -> None:
    net = Net("luma")
    weight = net.const(np.full((1, 1, 3, 3), 1 / 9, np.float16))
    net.op("Conv", net.x, weight, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    net.op("Relu", net.x)
    half_model = model(net, "half")
    for value in (*half_model.proto.graph.input, *half_model.proto.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    graph = build_frame_graph([half_model], stream("nv12", SIZE))
    onnx.checker.check_model(half(graph).proto, full_check=True)


def test_controls_are_computed_exactly_and_used_in_half() -> None:
    net = Net("rgb")
    gamma = net.op("MatMul", "style_weights", net.const(np.ones((2, 8), np.float32)))
    gamma = net.op("Mul", gamma, "strength")
    gamma = net.op("Reshape", gamma, net.const(np.array([1, 8, 1, 1])))
    net.x = "image"
    net.conv(8, 3)
    net.op("Mul", net.x, gamma)
    net.op("Relu", net.x)
    net.conv(3, 8)
    plain = model(net, "told")
    inputs = [
        onnx.helper.make_tensor_value_info(n, TensorProto.FLOAT, s)
        for n, s in (("style_weights", (1, 2)), ("strength", (1, 1)))
    ]
    plain.proto.graph.input.extend(inputs)
    conditional = Model(replace(plain.spec, conditioning=("a", "b")), plain.proto)
    form = half(build_frame_graph([conditional], stream("nv12", SIZE)))
    assert kinds(form, "MatMul") == {"FLOAT": 1}
    assert kinds(form, "Relu") == {"FLOAT16": 1}


def test_the_runtime_that_compares_does_compute_in_half() -> None:
    graph = build_frame_graph([small("luma", layers=3)], stream("gray", (20, 12)))
    form = half(graph)
    (planes,) = frames(graph.input, 1)
    (by_runtime,) = outputs(form, [planes])
    (by_reference,) = ReferenceEvaluator(form.proto).run(["out.0"], {"plane.0": planes[0]})
    assert np.abs(by_runtime[0].astype(int) - by_reference).max() <= 1
