from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from streamsr.graph import build_frame_graph
from streamsr.graph.requantize import COARSEST, requantized
from tests.nets import Net, model

from .running import noise, run, stream

STEP, ZERO = 0.01, 50


def codes(net: Net, zero: int = ZERO, dtype: type = np.uint8) -> str:
    coding = [net.const(np.float32(STEP)), net.const(np.array(zero, dtype))]
    net.op("QuantizeLinear", net.x, *coding)
    return net.op("DequantizeLinear", net.x, *coding)


def conv(net: Net, out: int, channels: int) -> str:
    """A convolution whose weights are integers."""
    weight, bias = net.kernel(out, channels)
    scale, zero = net.const(np.full(out, 0.01, np.float32)), net.const(np.zeros(out, np.int8))
    x, weights = net.x, net.const(np.round(weight / 0.01).astype(np.int8))
    real = net.op("DequantizeLinear", weights, scale, zero, axis=0)
    return net.op("Conv", x, real, net.const(bias), kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def network(activation: str = "LeakyRelu", zero: int = ZERO, first: int = 0, dtype: type = np.uint8, **given) -> Net:
    net = Net("luma")
    codes(net, first, dtype)
    conv(net, 4, 1)
    net.op(activation, net.x, **given)
    codes(net, zero, dtype)
    conv(net, 1, 4)
    return net


def kinds(proto: onnx.ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in proto.graph.node)


def pictures(*protos: onnx.ModelProto) -> list[np.ndarray]:
    image = np.random.default_rng(0).random((1, 1, 20, 24), dtype=np.float32)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return [
        onnxruntime.InferenceSession(proto.SerializeToString(), options).run(None, {"image": image})[0]
        for proto in protos
    ]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("slope", [0.1, 0.3, 1.0, 2.0])
def test_the_range_before_is_what_the_activation_maps_into_the_range_after(slope: float, dtype: type) -> None:
    lowest = np.iinfo(dtype).min
    proto = network(alpha=slope, zero=lowest + ZERO, dtype=dtype).proto()
    result = requantized(proto)
    onnx.checker.check_model(result, full_check=True)
    made_by = {node.output[0]: node for node in result.graph.node}
    (leaky,) = (node for node in result.graph.node if node.op_type == "LeakyRelu")
    real = made_by[leaky.input[0]]
    before = made_by[real.input[0]]
    assert (real.op_type, before.op_type) == ("DequantizeLinear", "QuantizeLinear")
    assert made_by[before.input[0]].op_type == "Conv"
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in result.graph.initializer}
    scale, zero = float(constants[before.input[1]]), constants[before.input[2]]
    assert zero.dtype == dtype
    low, high = (lowest - int(zero)) * scale * slope, (lowest + 255 - int(zero)) * scale
    assert low == pytest.approx(-ZERO * STEP, abs=scale * slope)
    assert high == pytest.approx((255 - ZERO) * STEP, abs=scale)
    theirs, ours = pictures(proto, result)
    difference = np.abs(ours - theirs).max()
    assert difference < 4 * scale
    assert (difference > 0) == (slope != 1), "codes of codes are the same codes"


def test_values_that_are_all_below_zero_lose_nothing_however_flat_the_slope() -> None:
    proto = network(alpha=0.001, zero=255).proto()
    theirs, ours = pictures(proto, requantized(proto))
    assert kinds(requantized(proto))["QuantizeLinear"] == kinds(proto)["QuantizeLinear"] + 1
    np.testing.assert_allclose(ours, theirs, atol=2 * STEP)


def test_onnxruntime_then_convolves_integers() -> None:
    graph = build_frame_graph([model(network(alpha=0.2), "leaky")], stream("yuv420p")).proto
    fused = [optimized(each)["QLinearConv"] for each in (graph, requantized(graph))]
    assert fused == [0, 1]


def optimized(proto: onnx.ModelProto) -> Counter[str]:
    """What ONNX Runtime makes of a graph: kinds of the nodes that its profile says it ran."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "run")
        session = onnxruntime.InferenceSession(proto.SerializeToString(), options, ["CPUExecutionProvider"])
        session.run(None, {each.name: np.zeros(each.shape, np.uint8) for each in session.get_inputs()})
        events = json.loads(Path(session.end_profiling()).read_text())
    return Counter(event["args"]["op_name"] for event in events if event["name"].endswith("_kernel_time"))


def two_readers() -> Net:
    net = network(alpha=0.2)
    (leaky,) = (node for node in net.nodes if node.op_type == "LeakyRelu")
    net.op("Add", net.x, leaky.output[0])
    return net


def float_convolution() -> Net:
    net = Net("luma")
    net.conv(4, 1)
    net.op("LeakyRelu", net.x, alpha=0.2)
    codes(net)
    conv(net, 1, 4)
    return net


@pytest.mark.parametrize(
    "net",
    [
        network("Relu", 0),
        network(alpha=0.0),
        network(alpha=-0.1),
        network(alpha=0.5 * ZERO / 255 / COARSEST),  # far too coarse
        two_readers(),
        float_convolution(),
    ],
    ids=["relu", "flat", "falling", "coarse", "two-readers", "float"],
)
def test_everything_else_is_left_alone(net: Net) -> None:
    proto = net.proto()
    assert kinds(requantized(proto)) == kinds(proto)


def test_the_argument_is_not_changed_and_frames_hardly() -> None:
    graph = build_frame_graph([model(network(alpha=0.2), "leaky")], stream("yuv420p"))
    before = graph.proto.SerializeToString()
    again = requantized(graph.proto)
    assert graph.proto.SerializeToString() == before
    assert kinds(requantized(again)) == kinds(again), "codes are there already"
    planes = noise(graph.input.layout, (34, 22))
    ours, theirs = run(replace(graph, proto=again), planes), run(graph, planes)
    difference = np.abs(ours[0].astype(int) - theirs[0])
    assert 0 < difference.max() <= 12
    assert difference.mean() < 3
