"""Every generator as a model: in frame graphs, in both CPU runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamsr.frame import Plane
from streamsr.graph import FrameGraph, Model, build_frame_graph, to_planes, to_tensors
from streamsr.graph.model import load_model
from streamsr.spec import ModelSpec
from tests.unit.graph.running import convert, noise, run, stream, worst

pytestmark = pytest.mark.torch

SMALL: dict[str, tuple[str, dict[str, Any]]] = {
    "ecb": ("ecb", {"width": 4, "depth": 1}),
    "span": ("span", {"width": 8, "depth": 2}),
    "compact": ("srvgg", {"width": 8, "depth": 2}),
    "compact-luma": ("srvgg", {"width": 8, "depth": 2, "color": "luma"}),
    "rrdb": ("rrdb", {"scale": 2, "width": 8, "depth": 1, "growth": 4}),
    "srcnn": ("srcnn", {"widths": (4, 4)}),
    "cyclegan": ("resnet_cyclegan", {"width": 4, "blocks": 1}),
    "lanczos": ("interpolation", {"method": "lanczos"}),
    "gaussian-rgb": ("interpolation", {"method": "gaussian", "color": "rgb"}),
    "nearest": ("interpolation", {"method": "nearest", "scale": 4}),
}


@pytest.fixture(scope="module", params=sorted(SMALL))
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Model]:
    """A generator with random weights, and the model it became."""
    torch = pytest.importorskip("torch")
    from exporters.onnx import export_generator
    from streamsr.generators import GENERATORS

    torch.manual_seed(0)
    architecture, config = SMALL[request.param]
    kind = GENERATORS.load(architecture)
    generator = kind(kind.Config(**config)).eval()
    path: Path = tmp_path_factory.mktemp("exported") / f"{request.param}.onnx"
    spec = export_generator(generator, path, ModelSpec(request.param))
    assert (spec.scale, spec.color, spec.halo) == (generator.scale, generator.color, generator.halo)
    return generator, load_model(path)


def in_openvino(graph: FrameGraph, planes: list[Plane]) -> tuple[Plane, ...]:
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(graph.proto.SerializeToString(), b""), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    results = compiled({f"plane.{i}": tensor for i, tensor in enumerate(to_tensors(planes, graph.input.layout))})
    names = [f"out.{i}" for i in range(len(graph.output.layout.planes))]
    return to_planes([results[name] for name in names], graph.output.layout)


def test_a_frame_is_what_torch_makes_of_it(exported: tuple[Any, Model]) -> None:
    import torch

    generator, model = exported
    layout = "gray" if generator.color == "luma" else "rgb24"
    source = stream(layout, (19, 13))
    (plane,) = noise(source.layout, (19, 13))
    picture = plane[None, None] if plane.ndim == 2 else plane.transpose(2, 0, 1)[None]
    with torch.no_grad():
        expected = generator(torch.from_numpy(picture.astype(np.float32) / 255))[0].numpy()
    (result,) = convert([plane], source, layout, [model])
    result = result[None] if result.ndim == 2 else result.transpose(2, 0, 1)
    np.testing.assert_allclose(result, expected.clip(0, 1) * 255, atol=0.51)


@pytest.mark.parametrize("layout", ["yuv420p", "rgb24", "yuv444p10le"])
def test_both_runtimes_and_both_forms_of_the_graph_agree(exported: tuple[Any, Model], layout: str) -> None:
    source = stream(layout)
    planes = noise(source.layout, (34, 22), 0.2, 0.8)
    graph = build_frame_graph([exported[1]], source)
    folded, plain = run(graph, planes), run(build_frame_graph([exported[1]], source, fold=False), planes)
    assert worst(folded, plain, source.layout) <= 1
    assert worst(in_openvino(graph, planes), folded, source.layout) <= 1
    assert len({plane.tobytes() for plane in folded}) == len(folded), "planes of one colour prove nothing"
