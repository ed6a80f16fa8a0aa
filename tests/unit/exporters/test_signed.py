"""Quantization of networks whose activations have two signs, and of RGB ones."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from exporters.calibrate import Range, Statistics, best_range, observe
from exporters.ends import end_convolutions
from exporters.equalize import equalized
from exporters.qdq import with_rounding
from exporters.quantize import quantize
from exporters.ranges import best_ranges
from streamsr.graph import build_frame_graph, load_model
from streamsr.spec import ModelSpec
from tests.nets import small
from tests.unit.exporters.plain import plain_model
from tests.unit.graph.running import stream

SPEC = ModelSpec("tiny", scale=2, color="luma", halo=3)


def network(activation: str, spread: float = 1.0, slope: float = 0.25) -> onnx.ModelProto:
    """Convolutions of 1, 8, 8, 4 channels with the activation between, channels up to `spread` times as loud."""
    rng = np.random.default_rng(1)
    kernels = [
        [rng.normal(0, (2 / (9 * inputs)) ** 0.5, (outputs, inputs, 3, 3)).astype(np.float32), np.zeros(outputs, "f")]
        for inputs, outputs in pairwise((1, 8, 8, 4))
    ]
    kernels[-1][0] *= np.float32(0.1)
    gains = np.geomspace(1, spread, 8, dtype=np.float32)
    for first, second in pairwise(kernels):
        first[0] *= gains[:, None, None, None]
        second[0] /= gains[:, None, None]
    proto = plain_model([(weight, bias) for weight, bias in kernels], SPEC)
    for node in proto.graph.node:
        if node.op_type == "Relu":
            _become(proto.graph, node, activation, slope)
    return proto


def _become(graph: onnx.GraphProto, node: onnx.NodeProto, activation: str, slope: float) -> None:
    node.op_type = activation
    if activation == "LeakyRelu":
        node.attribute.append(helper.make_attribute("alpha", slope))
    elif activation == "PRelu":
        slopes = np.linspace(-slope, slope, 8, dtype=np.float32).reshape(8, 1, 1)
        graph.initializer.append(numpy_helper.from_array(slopes, f"{node.name}.slope"))
        node.input.append(f"{node.name}.slope")


def without_activations() -> onnx.ModelProto:
    proto = network("Relu", spread=100.0)
    kept = [node for node in proto.graph.node if node.op_type != "Relu"]
    for node in kept:
        node.input[:] = [name.replace("relu", "conv") for name in node.input]
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
    del proto.graph.node[:]
    proto.graph.node.extend(kept)
    return proto


def run(proto: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"input": image})[0]


@pytest.mark.parametrize("activation", ["LeakyRelu", "PRelu", None])
def test_equalization_goes_through_what_is_positively_homogeneous(
    activation: str | None, calibration: list[np.ndarray]
) -> None:
    proto = network(activation, spread=100.0) if activation else without_activations()
    tensors = [node.input[0] for node in proto.graph.node if node.op_type == "Conv"][1:]
    seen = observe(proto, tensors, calibration)
    balanced = equalized(proto, seen)
    for image in calibration:
        np.testing.assert_allclose(run(balanced, image), run(proto, image), atol=1e-5)
    after = observe(balanced, tensors, calibration)
    for name in tensors:
        assert np.ptp(np.log(after[name].peaks)) < 0.6 * np.ptp(np.log(seen[name].peaks))


@pytest.mark.parametrize("activation", ["Tanh", "Sigmoid"])
def test_equalization_stops_at_what_is_not(activation: str, calibration: list[np.ndarray]) -> None:
    proto = network(activation, spread=100.0)
    assert equalized(proto, observe(proto, ["relu0", "relu1"], calibration)) == proto


def test_values_that_are_an_output_too_are_left_as_they_are(calibration: list[np.ndarray]) -> None:
    proto = without_activations()
    proto.graph.output.append(helper.make_tensor_value_info("conv0", 1, [1, 8, "height", "width"]))
    balanced = equalized(proto, observe(proto, ["conv0", "conv1"], calibration))
    weights = [{tensor.name: tensor for tensor in each.graph.initializer} for each in (proto, balanced)]
    assert weights[0]["conv0.weight"] == weights[1]["conv0.weight"]
    assert weights[0]["conv2.weight"] != weights[1]["conv2.weight"]


@pytest.mark.parametrize("slope", [0.0, 0.1, 0.5])
def test_int8_with_a_slope_looks_like_float(slope: float, tmp_path: Path, calibration: list[np.ndarray]) -> None:
    proto = network("LeakyRelu", slope=slope)
    (tmp_path / "tiny.onnx").write_bytes(proto.SerializeToString())
    quantize(tmp_path / "tiny.onnx", tmp_path / "tiny.int8.onnx", calibration)
    quantized = onnx.load(tmp_path / "tiny.int8.onnx")
    zeros = [numpy_helper.to_array(t) for t in quantized.graph.initializer if t.name in ("relu0.zero", "relu1.zero")]
    assert [zero.dtype for zero in zeros] == [np.uint8] * 2
    assert all((zero > 0) == (slope > 0) for zero in zeros)
    for image in calibration:
        difference = run(quantized, image) - run(proto, image)
        assert 1e-5 < np.sqrt((difference**2).mean()) < 0.002


def test_each_end_of_a_range_is_clipped_for_itself() -> None:
    """A rare low peak, high values everywhere: only the low end moves, more than one share for both could."""
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 1, 200_000).astype(np.float32)
    values[0] = -1.0
    stats = Statistics(-1.0, float(values.max()), np.ones(1, np.float32), np.full(1, 0.5, np.float32), values)
    best = best_range(stats)
    low, high = -best.zero * best.scale, (255 - best.zero) * best.scale
    assert low > -0.7
    assert high > 0.97

    def error(span: Range) -> float:
        return float(((span.rounded(values) - values) ** 2).mean())

    assert error(best) < 0.9 * min(error(Range(2 * share / 255, 128)) for share in np.linspace(0.3, 1, 29))


def test_ranges_are_chosen_by_what_is_seen_of_them(calibration: list[np.ndarray]) -> None:
    """Rounding each tensor as chosen harms the picture no more than by its own least error, and some less."""
    proto = network("LeakyRelu", spread=30.0)
    names = ["relu0", "relu1"]
    chosen = best_ranges(proto, names, calibration)

    def error(name: str, span: Range) -> float:
        rounded = with_rounding(proto, {name: span})
        return float(np.mean([((run(rounded, x) - run(proto, x)) ** 2).mean() for x in calibration]))

    own = {name: best_range(stats) for name, stats in observe(proto, names, calibration).items()}
    pairs = [(error(name, chosen[name]), error(name, own[name])) for name in names]
    assert all(0 < ours <= theirs for ours, theirs in pairs)
    assert any(ours < 0.95 * theirs for ours, theirs in pairs)


def test_the_ends_of_an_rgb_network_stay_float_and_fold(tmp_path: Path) -> None:
    model = small("rgb", layers=4)
    (tmp_path / "rgb.onnx").write_bytes(model.proto.SerializeToString())
    rng = np.random.default_rng(0)
    images = [rng.random((1, 3, 24, 20), dtype=np.float32) for _ in range(2)]
    proto = onnx.load(tmp_path / "rgb.onnx")
    for index, node in enumerate(proto.graph.node):
        node.name = f"node{index}"
    (tmp_path / "rgb.onnx").write_bytes(proto.SerializeToString())
    convs = [node for node in proto.graph.node if node.op_type == "Conv"]
    assert end_convolutions(proto) == {convs[0].name, convs[-1].name}
    quantize(tmp_path / "rgb.onnx", tmp_path / "rgb.int8.onnx", images)
    quantized = load_model(tmp_path / "rgb.int8.onnx")
    real = {tensor.name for tensor in quantized.proto.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT}
    inner = [node for node in quantized.proto.graph.node if node.op_type == "Conv" and node.input[1] not in real]
    assert [node.name for node in inner] == [node.name for node in convs[1:-1]]
    source = stream("yuv420p")
    counts = [
        sum(node.op_type == "Conv" for node in build_frame_graph([each], source).proto.graph.node)
        for each in (model, quantized)
    ]
    assert counts[0] == counts[1]


def test_a_kept_convolution_stays_float_beside_another_that_reads_the_same(
    tmp_path: Path, calibration: list[np.ndarray]
) -> None:
    proto = network("LeakyRelu")
    (twin,) = (node for node in proto.graph.node if node.name == "conv1")
    copy = helper.make_node("Conv", ["relu0", *twin.input[1:]], ["twin"], "twin", kernel_shape=[3, 3], pads=[1] * 4)
    both = helper.make_node("Add", ["conv1", "twin"], ["sum"], "sum")
    index = [node.name for node in proto.graph.node].index("relu1")
    proto.graph.node[index].input[0] = "sum"
    proto.graph.node.insert(index, both)
    proto.graph.node.insert(index, copy)
    (tmp_path / "tiny.onnx").write_bytes(proto.SerializeToString())
    quantize(tmp_path / "tiny.onnx", tmp_path / "tiny.int8.onnx", calibration, keep_float=["twin"])
    nodes = {node.name: node for node in onnx.load(tmp_path / "tiny.int8.onnx").graph.node}
    assert nodes["twin"].input[0] == "relu0"
    assert nodes["conv2"].input[0] == "relu1.real"
