from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from onnx import numpy_helper

from streamsr.errors import ConfigError, ModelError
from streamsr.graph import Model, build_frame_graph
from streamsr.graph.interpolate import interpolated
from tests.nets import Net, model, small
from tests.unit.graph.running import noise, run, stream


def answer(of: Model, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(of.proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: image})[0]


def weights(of: Model) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in of.proto.graph.initializer}


@pytest.fixture
def pair() -> tuple[Model, Model]:
    return small("rgb", seed=1), small("rgb", seed=2)


@pytest.mark.parametrize("detail", [0.0, 0.3, 1.0])
def test_weights_are_mixed_by_name(pair: tuple[Model, Model], detail: float) -> None:
    first, second = (weights(each) for each in pair)
    result = interpolated(*pair, detail)
    for name, value in weights(result).items():
        np.testing.assert_allclose(value, (1 - detail) * first[name] + detail * second[name], rtol=1e-6, atol=1e-7)
        assert value.dtype == first[name].dtype
    assert result.spec == replace(pair[0].spec, name=f"{pair[0].spec.name}@{detail:g}")


def test_the_ends_are_the_models_bit_by_bit(pair: tuple[Model, Model]) -> None:
    image = np.random.default_rng(0).random((1, 3, 9, 12), dtype=np.float32)
    for detail, end in zip((0.0, 1.0), pair, strict=True):
        np.testing.assert_array_equal(answer(interpolated(*pair, detail), image), answer(end, image))
    middle = answer(interpolated(*pair, 0.5), image)
    assert all(np.abs(middle - answer(end, image)).max() > 0.01 for end in pair)


def test_the_arguments_stay_as_they_are(pair: tuple[Model, Model]) -> None:
    before = [each.proto.SerializeToString() for each in pair]
    interpolated(*pair, 0.5)
    assert [each.proto.SerializeToString() for each in pair] == before


def test_a_mixture_of_linear_networks_is_the_mixture_of_pictures() -> None:
    pair = [small("luma", layers=1, residual=False, seed=seed) for seed in (1, 2)]
    source = stream("gray")
    planes = noise(source.layout, (34, 22), 0.3, 0.6)
    first, second, mixed = (
        run(build_frame_graph([each], source), planes)[0].astype(int) for each in (*pair, interpolated(*pair, 0.25))
    )
    inside = (first > 0) & (first < 255) & (second > 0) & (second < 255)
    assert inside.mean() > 0.3
    assert np.abs(mixed - (0.75 * first + 0.25 * second))[inside].max() <= 1


@pytest.mark.parametrize("detail", [-0.1, 1.01, float("nan")])
def test_out_of_range(pair: tuple[Model, Model], detail: float) -> None:
    with pytest.raises(ConfigError, match=r"not within 0 .* and 1"):
        interpolated(*pair, detail)


def quantized(of: Model) -> Model:
    from exporters.calibrate import best_range, observe
    from exporters.qdq import with_qdq

    names = [node.input[0] for node in of.proto.graph.node if node.op_type == "Conv"]
    images = [np.random.default_rng(0).random((1, 3, 16, 16), dtype=np.float32)]
    ranges = {name: best_range(stats) for name, stats in observe(of.proto, names, images).items()}
    return Model(of.spec, with_qdq(of.proto, ranges))


def with_factor(value: np.ndarray) -> Model:
    net = Net("luma")
    net.op("Resize", net.x, "", net.const(value), mode="nearest")
    return model(net, "resize", 2)


def test_networks_that_do_not_belong_together() -> None:
    one = small("rgb")
    sizes = np.array([1, 1, 2, 2], np.float32)
    cases = [
        (one, small("luma"), "their color is rgb and luma"),
        (one, small("rgb", scale=4), "their scale is 2 and 4"),
        (one, small("rgb", layers=4), "networks differ, at"),
        (one, small("rgb", mode="DCR"), "networks differ, at"),
        (one, small("rgb", width=9), r"'w0' is \(8, 3, 3, 3\) float32 in one and \(9, 3, 3, 3\)"),
        (one, quantized(one), "quantized"),
        (with_factor(sizes), with_factor(sizes.astype(np.float16)), "float32 in one and"),
    ]
    for first, second, message in cases:
        with pytest.raises(ModelError, match=message):
            interpolated(first, second, 0.5)
