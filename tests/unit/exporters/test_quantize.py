from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from exporters.bias import corrected
from exporters.calibrate import Range, Statistics, best_range, observe
from exporters.equalize import equalized
from exporters.qdq import with_qdq
from exporters.quantize import quantize
from streamsr.errors import ExportError, ModelError, UnknownNameError
from streamsr.graph.model import load_model
from streamsr.spec import ModelSpec
from tests.unit.exporters.plain import plain_model

SPEC = ModelSpec("tiny", scale=2, color="luma", halo=3)


def network(spread: float = 1.0) -> onnx.ModelProto:
    """A plain network with sane gains; inside it, the largest channel is `spread` times as loud as need be."""
    rng = np.random.default_rng(1)
    widths = (1, 8, 8, 4)
    kernels = []
    for inputs, outputs in pairwise(widths):
        weight = rng.normal(0, (2 / (9 * inputs)) ** 0.5, (outputs, inputs, 3, 3))
        kernels.append([weight.astype(np.float32), np.full(outputs, 0.2, np.float32)])
    kernels[-1][0] *= np.float32(0.1)
    for first, second in pairwise(kernels):
        gains = np.geomspace(1, spread, 8, dtype=np.float32)
        first[0] *= gains[:, None, None, None]
        first[1] *= gains
        second[0] /= gains[:, None, None]
    return plain_model([(weight, bias) for weight, bias in kernels], SPEC)


def run(proto: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"input": image})[0]


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(network().SerializeToString())
    return path


def test_every_convolution_is_quantized_and_what_follows_the_last_stays_float(
    plain: Path, tmp_path: Path, calibration: list[np.ndarray]
) -> None:
    spec = quantize(plain, tmp_path / "tiny.int8.onnx", calibration)
    model = load_model(tmp_path / "tiny.int8.onnx")
    assert model.spec == spec
    assert (spec.name, spec.scale, spec.halo) == ("tiny.int8", 2, 3)
    made_by = {node.output[0]: node for node in model.proto.graph.node}
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.proto.graph.initializer}
    convs = [node for node in model.proto.graph.node if node.op_type == "Conv"]
    assert len(convs) == 3
    for conv in convs:
        activation, weight, bias = (made_by[name] for name in conv.input)
        assert {activation.op_type, weight.op_type, bias.op_type} == {"DequantizeLinear"}
        quantizer = made_by[activation.input[0]]
        assert quantizer.op_type == "QuantizeLinear"
        assert constants[quantizer.input[2]].dtype == np.uint8
        assert constants[weight.input[0]].dtype == np.int8
        assert constants[bias.input[0]].dtype == np.int32
        np.testing.assert_allclose(
            constants[bias.input[1]], constants[weight.input[1]] * constants[quantizer.input[1]], rtol=1e-6
        )
    assert made_by["output"].op_type == "DepthToSpace"
    assert set(made_by[made_by["output"].input[0]].input) == {convs[-1].output[0], "input"}
    assert constants["input.scale"] == np.float32(1 / 255)
    assert constants["input.zero"] == 0
    assert not [name for name, value in constants.items() if value.dtype == np.float32 and "scale" not in name]


def test_int8_looks_like_float(plain: Path, tmp_path: Path, calibration: list[np.ndarray]) -> None:
    quantize(plain, tmp_path / "tiny.int8.onnx", calibration)
    for image in calibration:
        difference = run(onnx.load(tmp_path / "tiny.int8.onnx"), image) - run(network(), image)
        assert 1e-5 < np.sqrt((difference**2).mean()) < 0.002


def test_a_silent_network_returns_the_picture_exactly(tmp_path: Path, calibration: list[np.ndarray]) -> None:
    """The residual path is float from end to end."""
    silent = plain_model([(np.zeros((4, 1, 3, 3), np.float32), np.zeros(4, np.float32))], SPEC)
    (tmp_path / "silent.onnx").write_bytes(silent.SerializeToString())
    quantize(tmp_path / "silent.onnx", tmp_path / "silent.int8.onnx", calibration)
    image = calibration[0]
    result = run(onnx.load(tmp_path / "silent.int8.onnx"), image)
    np.testing.assert_array_equal(result, image.repeat(2, 2).repeat(2, 3))


def test_convolutions_can_be_kept(plain: Path, tmp_path: Path, calibration: list[np.ndarray]) -> None:
    quantize(plain, tmp_path / "tiny.int8.onnx", calibration, keep_float={"conv0", "conv2"})
    nodes = {node.name: node for node in onnx.load(tmp_path / "tiny.int8.onnx").graph.node}
    assert nodes["conv0"].input[:] == ["input", "conv0.weight", "conv0.bias"]
    assert nodes["conv1"].input[0] == "relu0.real"
    assert nodes["conv2"].input[0] == "relu1"


def test_equalization_changes_ranges_not_results(calibration: list[np.ndarray]) -> None:
    proto = network(spread=100.0)
    tensors = ["relu0", "relu1"]
    seen = observe(proto, tensors, calibration)
    balanced = equalized(proto, seen)
    for image in calibration:
        np.testing.assert_allclose(run(balanced, image), run(proto, image), atol=1e-5)
    after = observe(balanced, tensors, calibration)
    for name in tensors:
        assert np.ptp(np.log(after[name].peaks)) < 0.6 * np.ptp(np.log(seen[name].peaks))


def test_equalization_makes_int8_better(tmp_path: Path, calibration: list[np.ndarray]) -> None:
    proto = network(spread=100.0)
    (tmp_path / "uneven.onnx").write_bytes(proto.SerializeToString())
    quantize(tmp_path / "uneven.onnx", tmp_path / "uneven.int8.onnx", calibration)
    names = [node.input[0] for node in proto.graph.node if node.op_type == "Conv"]
    naive = with_qdq(proto, {name: best_range(s) for name, s in observe(proto, names, calibration).items()})

    def error(quantized: onnx.ModelProto) -> float:
        return float(np.mean([((run(quantized, x) - run(proto, x)) ** 2).mean() for x in calibration]))

    assert error(onnx.load(tmp_path / "uneven.int8.onnx")) < 0.7 * error(naive)


def test_bias_correction_keeps_the_mean_of_every_channel(calibration: list[np.ndarray]) -> None:
    proto = network(spread=100.0)
    inputs = [node.input[0] for node in proto.graph.node if node.op_type == "Conv"]
    outputs = [node.output[0] for node in proto.graph.node if node.op_type == "Conv"]
    ranges = {name: best_range(stats) for name, stats in observe(proto, inputs, calibration).items()}
    wanted = observe(proto, outputs, calibration)
    plain = observe(with_qdq(proto, ranges), outputs, calibration)
    mended = observe(with_qdq(corrected(proto, ranges, calibration), ranges), outputs, calibration)
    for name in outputs:
        before, after = (np.abs(stats[name].means - wanted[name].means).max() for stats in (plain, mended))
        assert after < 0.2 * before, name


def test_the_range_trades_rare_peaks_for_finer_steps() -> None:
    rng = np.random.default_rng(0)
    values = np.abs(rng.normal(0, 0.1, 20_000)).astype(np.float32)
    values[0] = 2.0
    stats = Statistics(0.0, 2.0, np.array([2.0], np.float32), np.array([0.1], np.float32), values)
    best, full = best_range(stats), Range(2.0 / 255)
    assert best.scale < full.scale
    assert ((best.rounded(values) - values) ** 2).sum() < ((full.rounded(values) - values) ** 2).sum()


def test_signed_tensors_keep_zero_exact() -> None:
    values = np.linspace(-0.3, 0.9, 1000, dtype=np.float32)
    span = best_range(Statistics(-0.3, 0.9, np.array([0.9], np.float32), np.array([0.3], np.float32), values))
    assert span.rounded(np.zeros(1, np.float32)) == 0
    np.testing.assert_allclose(span.rounded(values), values, atol=span.scale)


def test_weights_that_several_convolutions_share(tmp_path: Path, calibration: list[np.ndarray]) -> None:
    """Each must be equalized, corrected and scaled by itself."""
    proto = network()
    repeated = onnx.NodeProto()
    repeated.CopyFrom(next(node for node in proto.graph.node if node.name == "conv1"))
    relu = onnx.helper.make_node("Relu", ["again"], ["relu_again"])
    repeated.input[0], repeated.output[0], repeated.name = "relu1", "again", "again"
    last = next(index for index, node in enumerate(proto.graph.node) if node.name == "conv2")
    proto.graph.node[last].input[0] = "relu_again"
    proto.graph.node.insert(last, repeated)
    proto.graph.node.insert(last + 1, relu)
    (tmp_path / "shared.onnx").write_bytes(proto.SerializeToString())
    quantize(tmp_path / "shared.onnx", tmp_path / "shared.int8.onnx", calibration)
    made = onnx.load(tmp_path / "shared.int8.onnx")
    assert len({node.input[1] for node in made.graph.node if node.op_type == "Conv"}) == 4
    for image in calibration:
        assert np.sqrt(((run(made, image) - run(proto, image)) ** 2).mean()) < 0.003


def test_what_cannot_be_quantized(plain: Path, tmp_path: Path, calibration: list[np.ndarray]) -> None:
    with pytest.raises(ExportError, match="at least one calibration image"):
        quantize(plain, tmp_path / "out.onnx", [])
    with pytest.raises(ExportError, match="no convolution with constant weights left"):
        quantize(plain, tmp_path / "out.onnx", calibration, keep_float={"conv0", "conv1", "conv2"})
    with pytest.raises(UnknownNameError, match="no convolution named 'conv7'"):
        quantize(plain, tmp_path / "out.onnx", calibration, keep_float={"conv7"})
    quantize(plain, tmp_path / "done.onnx", calibration)
    with pytest.raises(ExportError, match="quantized already"):
        quantize(tmp_path / "done.onnx", tmp_path / "out.onnx", calibration)
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(ModelError, match=r"text\.onnx"):
        quantize(tmp_path / "text.onnx", tmp_path / "out.onnx", [])
    assert not (tmp_path / "out.onnx").exists()


def test_a_network_that_does_not_survive_is_refused(tmp_path: Path, calibration: list[np.ndarray]) -> None:
    """A huge residual that 255 codes cannot resolve."""
    edges = np.full((4, 1, 3, 3), 5.0, np.float32)
    edges[:, :, 1, 1] = -40.0
    copies = np.zeros((4, 4, 3, 3), np.float32)
    copies[range(4), range(4), 1, 1] = 8.0
    loud = plain_model([(edges, np.zeros(4, np.float32)), (copies, np.zeros(4, np.float32))], SPEC)
    (tmp_path / "loud.onnx").write_bytes(loud.SerializeToString())
    with pytest.raises(ExportError, match="dB from the float one"):
        quantize(tmp_path / "loud.onnx", tmp_path / "out.onnx", calibration)
    assert not (tmp_path / "out.onnx").exists()
