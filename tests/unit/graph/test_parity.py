"""ONNX Runtime and OpenVINO make the same picture of a frame graph."""

from __future__ import annotations

from collections.abc import Sequence

import openvino
import pytest

from streamsr.frame import Plane
from streamsr.graph import FrameGraph, build_frame_graph, to_planes, to_tensors
from streamsr.layout import pixel_layout
from tests.nets import small

from .running import noise, run, stream, worst


def openvino_run(graph: FrameGraph, planes: Sequence[Plane]) -> tuple[Plane, ...]:
    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = core.compile_model(core.read_model(graph.proto.SerializeToString(), b""), "CPU", settings)
    tensors = to_tensors(planes, graph.input.layout)
    result = compiled({f"plane.{i}": tensor for i, tensor in enumerate(tensors)})
    outputs = [result[f"out.{i}"] for i in range(len(graph.output.layout.planes))]
    return to_planes(outputs, graph.output.layout)


@pytest.mark.parametrize("color", ["luma", "rgb"])
@pytest.mark.parametrize(
    "layout", ["yuv420p", "nv12", "p010le", "yuv422p10le", "yuva444p16le", "bgr0", "rgb48le", "ya8"]
)
def test_backends_agree_within_a_level(layout, color):
    source = stream(layout, (37, 23))
    graph = build_frame_graph([small(color)], source)
    planes = noise(source.layout, (37, 23), 0.1, 0.9)
    ours = openvino_run(graph, planes)
    levels = max(1, (1 << source.layout.depth) >> 12)  # float32 sums differ in their last bits, which 16-bit codes show
    assert worst(ours, run(graph, planes), source.layout) <= levels


def test_alpha_that_is_not_wanted_stays_an_input():
    """Backends accept a plane that nothing reads."""
    source = stream("yuva420p")
    planes = noise(source.layout, (34, 22))
    graph = build_frame_graph([small("luma")], source, pixel_layout("yuv420p"))
    assert [value.name for value in graph.proto.graph.input] == [f"plane.{i}" for i in range(4)]
    ours = openvino_run(graph, planes)
    assert len(ours) == 3
    assert worst(ours, run(graph, planes), graph.output.layout) <= 1
