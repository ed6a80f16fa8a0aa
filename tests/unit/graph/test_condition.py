"""Conditional models in frame graphs: told by inputs, or with what they are told made part of their weights."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest

from streamsr.errors import ConfigError, ModelError
from streamsr.graph import Model, build_frame_graph, load_model, to_planes, to_tensors
from streamsr.graph.condition import baked
from tests.nets import small
from tests.stylizers import INK, MIXED, PLAIN, STYLES, stylizer_model

from .running import noise, run, stream, worst

pytestmark = pytest.mark.torch

LOOKS = {"one style": INK, "a mix": MIXED, "the identity": PLAIN}


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    return LOOKS[request.param]


def computed(proto: onnx.ModelProto, *arrays: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    return session.run(None, dict(zip(names, arrays, strict=True)))[0]


def told(graph, planes, look):
    """The graph's output planes, its controls given."""
    session = onnxruntime.InferenceSession(graph.proto.SerializeToString(), providers=["CPUExecutionProvider"])
    tensors = (*to_tensors(planes, graph.input.layout), *look)
    names = [*(f"plane.{i}" for i in range(len(planes))), *graph.controls]
    outputs = [f"out.{i}" for i in range(len(graph.output.layout.planes))]
    return to_planes(session.run(outputs, dict(zip(names, tensors, strict=True))), graph.output.layout)


def test_baked_computes_the_same(look):
    model = stylizer_model()
    image = np.random.default_rng(0).random((1, 3, 32, 48), np.float32)
    wanted = computed(model.proto, image, *look)
    assert wanted.std() > 0.05
    np.testing.assert_allclose(computed(baked(model, look).proto, image), wanted, atol=1e-5)


def test_baked_it_is_a_plain_network():
    plain = baked(stylizer_model(), MIXED)
    assert plain.spec.conditioning == ()
    assert [value.name for value in plain.proto.graph.input] == ["input"]
    kinds = Counter(node.op_type for node in plain.proto.graph.node)
    assert set(kinds) == {"Pad", "Conv", "Relu", "Add", "DepthToSpace", "Sigmoid", "Identity"}
    assert kinds["Add"] == 1, "the block's; every scale and shift is in a convolution, and no picture is mixed in"
    onnx.checker.check_model(plain.proto, full_check=True)


def test_nothing_is_left_of_a_network_without_strength():
    plain = baked(stylizer_model(), PLAIN)
    assert [node.op_type for node in plain.proto.graph.node] == ["Identity"]
    assert not plain.proto.graph.initializer


def test_what_a_model_does_not_take_is_said():
    with pytest.raises(
        ConfigError, match=r"'tiny-style' takes weights \(1, 3\) and a strength \(1, 1\), not \[\(1, 2\)"
    ):
        baked(stylizer_model(), (np.ones((1, 2)), np.ones((1, 1))))
    with pytest.raises(ConfigError, match="takes no controls"):
        baked(small("rgb"), INK)
    with pytest.raises(ConfigError, match="'tiny-style' takes"):
        build_frame_graph([stylizer_model()], stream("yuv420p"), conditions={0: (np.ones((1, 1)), np.ones((1, 1)))})


def test_a_file_tells_that_it_is_conditional(tmp_path):
    model = stylizer_model()
    (tmp_path / "style.onnx").write_bytes(model.proto.SerializeToString())
    loaded = load_model(tmp_path / "style.onnx")
    assert loaded.spec.conditioning == STYLES
    assert (loaded.spec.task, loaded.spec.color, loaded.spec.scale, loaded.spec.multiple_of) == ("style", "rgb", 1, 8)


def test_controls_are_inputs_after_the_planes():
    graph = build_frame_graph([stylizer_model()], stream("yuv420p"))
    inputs = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in graph.proto.graph.input}
    assert list(inputs) == ["plane.0", "plane.1", "plane.2", *graph.controls]
    assert graph.controls == ("style_weights", "strength")
    assert inputs["style_weights"] == [1, 3]
    assert inputs["strength"] == [1, 1]
    assert build_frame_graph([stylizer_model()], stream("yuv420p"), conditions={0: INK}).controls == ()


def test_two_conditional_models_are_told_apart():
    model, source = stylizer_model(), stream("rgb24", (24, 16))
    planes = noise(source.layout, (24, 16))
    graph = build_frame_graph([model, model], source)
    assert graph.controls == ("style_weights", "strength", "style_weights.1", "strength.1")
    both = build_frame_graph([model, model], source, conditions={0: INK, 1: MIXED})
    assert worst(told(graph, planes, (*INK, *MIXED)), run(both, planes), source.layout) <= 1
    second = build_frame_graph([model, model], source, conditions={1: MIXED})
    assert second.controls == ("style_weights", "strength")
    assert worst(told(second, planes, INK), run(both, planes), source.layout) <= 1


@pytest.mark.parametrize("size", [(16, 16), (37, 23), (3, 1), (64, 9)])
@pytest.mark.parametrize("layout", ["yuv420p", "nv12", "yuv420p10le", "rgb24", "gray"])
def test_any_size_and_both_ways_to_tell(layout, size, look):
    source = stream(layout, size)
    planes = noise(source.layout, size, 0.2, 0.8)
    free, fixed = (build_frame_graph([stylizer_model()], source, conditions=c) for c in (None, {0: look}))
    given = told(free, planes, look)
    assert [plane.shape for plane in given] == [plane.shape for plane in planes]
    assert worst(given, run(fixed, planes), source.layout) <= max(1, (1 << source.layout.depth) >> 10)
    unfolded = build_frame_graph([stylizer_model()], source, conditions={0: look}, fold=False)
    assert worst(run(unfolded, planes), run(fixed, planes), source.layout) <= max(1, (1 << source.layout.depth) >> 10)


@pytest.mark.parametrize("size", [(16, 16), (37, 23), (3, 1)])
def test_a_frame_is_what_torch_makes_of_it(size, look):
    import torch

    from tests.stylizers import stylizer

    source = stream("rgb24", size)
    (plane,) = noise(source.layout, size)
    picture = torch.from_numpy(plane.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    with torch.no_grad():
        wanted = stylizer()(picture, *map(torch.from_numpy, look))[0].permute(1, 2, 0).numpy() * 255
    (result,) = run(build_frame_graph([stylizer_model()], source, conditions={0: look}), [plane])
    np.testing.assert_allclose(result, wanted, atol=0.51)


def test_a_model_that_lacks_its_controls_is_refused():
    model = stylizer_model()
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    next(v for v in proto.graph.input if v.name == "strength").name = "force"
    with pytest.raises(ModelError, match="one image input"):
        build_frame_graph([Model(model.spec, proto)], stream("yuv420p"))
    proto.CopyFrom(model.proto)
    next(v for v in proto.graph.input if v.name == "style_weights").type.tensor_type.shape.dim[1].dim_value = 4
    with pytest.raises(ModelError, match=r"does not take 'style_weights' \[1, 3\], 'strength' \[1, 1\]"):
        build_frame_graph([Model(model.spec, proto)], stream("yuv420p"))
