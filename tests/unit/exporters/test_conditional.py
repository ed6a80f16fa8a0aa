"""Stylizers as models: in both runtimes what torch computes, and in 8 bits."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from exporters.calibrate import observe
from exporters.ends import end_convolutions
from exporters.onnx import check_parity
from exporters.quantize import quantize
from exporters.samples import told
from streamsr.errors import ExportError
from streamsr.graph.condition import baked
from streamsr.graph.model import Model, load_model
from streamsr.spec import ModelSpec
from tests.stylizers import INK, MIXED, STYLES, controls, stylizer, stylizer_model

pytestmark = pytest.mark.torch

FAINT = controls(0, 0.5, 0.5, strength=0.55)
"""Nearly without style, and all by the network."""
LOOKS = (INK, MIXED, FAINT)


def soft_pictures(count: int = 12, side: int = 48) -> list[np.ndarray]:
    """Smooth RGB pictures, float32 in [0, 1]."""
    rng = np.random.default_rng(0)
    coarse = rng.random((count, 3, 7, 7))
    rows = np.linspace(0, 5.999, side)
    index, share = rows.astype(int), rows % 1
    tall = coarse[:, :, index] * (1 - share)[:, None] + coarse[:, :, index + 1] * share[:, None]
    wide = tall[..., index] * (1 - share) + tall[..., index + 1] * share
    return list(wide[:, None].astype(np.float32))


def computed(proto: onnx.ModelProto, *arrays: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    return session.run(None, dict(zip(names, arrays, strict=True)))[0]


def in_openvino(proto: onnx.ModelProto, *arrays: np.ndarray) -> np.ndarray:
    import openvino

    core = openvino.Core()
    model = core.read_model(proto.SerializeToString(), b"")
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
    names = [value.name for value in proto.graph.input]
    return compiled(dict(zip(names, arrays, strict=True)))["output"]


def test_the_graph_is_plain_but_for_its_affine_maps() -> None:
    model = stylizer_model()
    inputs = {
        v.name: [d.dim_value or d.dim_param for d in v.type.tensor_type.shape.dim] for v in model.proto.graph.input
    }
    wanted = {"input": [1, 3, "height", "width"], "style_weights": [1, len(STYLES)], "strength": [1, 1]}
    assert inputs == wanted
    assert list(inputs) == list(wanted)
    kinds = [node.op_type for node in model.proto.graph.node]
    assert kinds.count("MatMul") == 3 + 2 + 2, "one for each normalization"
    assert "Resize" not in kinds
    assert "SpaceToDepth" not in kinds
    assert model.spec == ModelSpec(
        "tiny-style",
        task="style",
        scale=1,
        color="rgb",
        halo=stylizer().halo,
        multiple_of=8,
        conditioning=STYLES,
        exporter=model.spec.exporter,
    )


@pytest.mark.parametrize("size", [(16, 16), (40, 64)])
@pytest.mark.parametrize("look", LOOKS, ids=["one", "mixed", "faint"])
def test_both_runtimes_compute_what_torch_does(size: tuple[int, int], look: tuple[np.ndarray, np.ndarray]) -> None:
    import torch

    image = np.random.default_rng(0).random((1, 3, *size), np.float32)
    with torch.no_grad():
        wanted = stylizer()(*map(torch.from_numpy, (image, *look))).numpy()
    proto = stylizer_model().proto
    np.testing.assert_allclose(computed(proto, image, *look), wanted, atol=1e-5)
    np.testing.assert_allclose(in_openvino(proto, image, *look), wanted, atol=1e-4)
    np.testing.assert_allclose(in_openvino(baked(stylizer_model(), look).proto, image), wanted, atol=1e-4)


def test_a_model_with_a_wrong_style_is_refused() -> None:
    """A row that only one of the styles uses."""
    generator, model = stylizer(), stylizer_model()
    assert check_parity(model.proto, generator) < 1e-5
    spoiled = onnx.ModelProto()
    spoiled.CopyFrom(model.proto)
    table = next(tensor for tensor in spoiled.graph.initializer if tensor.name == "matmul0.1")
    rows = onnx.numpy_helper.to_array(table).copy()
    rows[-1] += 0.5
    table.CopyFrom(onnx.numpy_helper.from_array(rows, table.name))
    with pytest.raises(ExportError, match="differs from torch"):
        check_parity(spoiled, generator)


@pytest.fixture(scope="module")
def quantized(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("int8")
    (folder / "tiny.onnx").write_bytes(stylizer_model().proto.SerializeToString())
    quantize(folder / "tiny.onnx", folder / "tiny.int8.onnx", soft_pictures())
    return load_model(folder / "tiny.int8.onnx")


def test_8_bits_for_all_but_the_ends(quantized: Model) -> None:
    made = {node.output[0]: node.op_type for node in quantized.proto.graph.node}
    kinds = [{made.get(name) for name in n.input} for n in quantized.proto.graph.node if n.op_type == "Conv"]
    assert len(kinds) == 10
    assert sum(kind == {"DequantizeLinear"} for kind in kinds) == 8
    assert quantized.spec.conditioning == STYLES
    ends = end_convolutions(stylizer_model().proto)
    assert ends == {"conv0", "conv9"}


def test_what_moves_samples_moves_codes(quantized: Model) -> None:
    """But for what the two ends read: all other borders are reflected, and pixels shuffled, in 8 bits."""
    made = {name: node.op_type for node in quantized.proto.graph.node for name in node.output}
    movers = [node for node in quantized.proto.graph.node if node.op_type in ("Pad", "DepthToSpace")]
    real = [node.name for node in movers if made.get(node.input[0]) not in ("QuantizeLinear", "Pad", "DepthToSpace")]
    assert len(movers) == 10 + 3
    assert real == ["pad0", "depthtospace1", "depthtospace2"]


@pytest.mark.parametrize("look", LOOKS, ids=["one", "mixed", "faint"])
def test_8_bits_look_like_float_in_every_style(quantized: Model, look: tuple[np.ndarray, np.ndarray]) -> None:
    for image in soft_pictures()[:4]:
        wanted = computed(stylizer_model().proto, image, *look)
        error = computed(quantized.proto, image, *look) - wanted
        assert 1e-5 < np.sqrt((error**2).mean()) < 0.012


@pytest.mark.parametrize("look", LOOKS, ids=["one", "mixed", "faint"])
def test_baked_8_bits_stay_the_same_8_bits(quantized: Model, look: tuple[np.ndarray, np.ndarray]) -> None:
    plain = baked(quantized, look)
    kinds = {node.op_type for node in plain.proto.graph.node}
    assert kinds >= {"Pad", "Conv", "Relu", "Add", "DepthToSpace", "Sigmoid", "QuantizeLinear", "DequantizeLinear"}
    assert kinds.isdisjoint({"Mul", "MatMul"})
    codes = [
        {
            t.name: onnx.numpy_helper.to_array(t)
            for t in model.proto.graph.initializer
            if t.data_type == onnx.TensorProto.INT8
        }
        for model in (quantized, plain)
    ]
    kernels = [[abs(v.astype(int)).sum() for v in held.values() if v.ndim == 4] for held in codes]
    assert sorted(kernels[0]) == sorted(kernels[1]), "but for the signs of whole channels"
    image = soft_pictures(1)[0]
    told_result, plain_result = computed(quantized.proto, image, *look), computed(plain.proto, image)
    assert np.sqrt(((told_result - plain_result) ** 2).mean()) < 0.004  # a rounding more or less, here and there
    np.testing.assert_allclose(in_openvino(plain.proto, image), plain_result, atol=0.05)


def test_a_channel_that_a_style_turns_off_survives_8_bits(quantized: Model) -> None:
    """A scale of zero leaves nothing but a shift, for which there is no scale to derive."""
    silent = onnx.ModelProto()
    silent.CopyFrom(quantized.proto)
    for tensor in silent.graph.initializer:
        if tensor.name.startswith("matmul"):
            table = onnx.numpy_helper.to_array(tensor).copy()
            table[:, 0] = 0
            table[:, 1] *= 1e-12
            tensor.CopyFrom(onnx.numpy_helper.from_array(table, tensor.name))
    plain = baked(Model(quantized.spec, silent), INK)
    image = soft_pictures(1)[0]
    wanted, result = computed(silent, image, *INK), computed(plain.proto, image)
    assert np.isfinite(result).all()
    assert np.sqrt(((wanted - result) ** 2).mean()) < 0.004


def test_calibration_sees_every_style() -> None:
    images = soft_pictures(8)
    samples = told(images, 3)
    assert len(samples) == 8
    weights = np.concatenate([sample[1] for sample in samples])
    np.testing.assert_allclose(weights.sum(1), 1)
    assert {tuple(row) for row in np.eye(3, dtype=np.float32)} <= {tuple(row) for row in weights}
    assert 0 in np.concatenate([sample[2] for sample in samples])
    proto = stylizer_model().proto
    apart = [observe(proto, ["relu1"], [(images[0], *look)])["relu1"].high for look in LOOKS]
    joint = observe(proto, ["relu1"], [(images[0], *look) for look in LOOKS])["relu1"].high
    assert joint == max(apart) > min(apart)
    assert told(images, 0) == images
