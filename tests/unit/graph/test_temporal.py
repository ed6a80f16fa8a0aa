"""The smoother as part of a frame graph, in the engines that run it: first frames, resets, sizes, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from streamsr.color import Color
from streamsr.engines.available import load_backend
from streamsr.engines.backend import CompileOptions
from streamsr.engines.base import Engine
from streamsr.errors import ModelError
from streamsr.graph import FrameGraph, StreamFormat, to_planes, to_tensors
from streamsr.graph.builder import GraphBuilder
from streamsr.graph.model import RESET
from streamsr.graph.picture import Rgb
from streamsr.graph.temporal import smooth
from streamsr.layout import pixel_layout
from tests.flicker import Planes, luma_of, pan, posterized, psnr, yuv_planes

from .smoothing import smoothing_graph

Build = Callable[[FrameGraph], Engine]


@pytest.fixture(params=["onnxruntime", "openvino"])
def build(request: pytest.FixtureRequest) -> Iterator[Build]:
    """Builds on one backend; closes what it built."""
    built: list[Engine] = []

    def build(graph: FrameGraph) -> Engine:
        built.append(load_backend(request.param).build(graph, "fp32", CompileOptions(threads=1)))
        return built[-1]

    yield build
    for engine in built:
        engine.close()


def stream(width: int = 64, height: int = 48, layout: str = "yuv444p") -> StreamFormat:
    return StreamFormat(width, height, pixel_layout(layout), Color("smpte170m", "pc"))


def film(target: StreamFormat, frames: list[np.ndarray]) -> list[tuple[Planes, np.ndarray]]:
    return [(yuv_planes(posterized(rgb, i), target.layout), luma_of(rgb)) for i, rgb in enumerate(frames)]


def shown(engine: Engine, target: StreamFormat, frames: list[tuple[Planes, np.ndarray]]) -> list[Planes]:
    results = []
    for planes, luma in frames:
        ticket = engine.submit((*to_tensors(planes, target.layout), luma))
        results.append(to_planes(engine.result(ticket), target.layout))
    return results


def equal(a: Planes, b: Planes) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("layout", ["yuv444p", "yuv444p10le"])
def test_the_first_frame_has_no_past(build: Build, layout: str) -> None:
    target = stream(layout=layout)
    frames = film(target, pan(2, 48, 64))
    first, second = shown(build(smoothing_graph(target)), target, frames)
    assert equal(first, frames[0][0])
    assert not equal(second, frames[1][0])


def test_reset_forgets_everything(build: Build) -> None:
    target = stream()
    frames = film(target, pan(5, 48, 64))
    engine = build(smoothing_graph(target))
    once = shown(engine, target, frames)
    assert engine.spec.state
    assert engine.spec.reset is not None
    engine.reset()
    assert all(map(equal, once, shown(engine, target, frames)))


def test_another_scene_leaves_no_ghost(build: Build) -> None:
    target = stream()
    frames = film(target, [*pan(4, 48, 64, seed=1), *pan(2, 48, 64, seed=2)])
    results = shown(build(smoothing_graph(target)), target, frames)
    assert psnr(results[3][0], frames[3][0][0]) < 35
    assert min(map(psnr, results[4], frames[4][0])) > 60


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (16, 16), (37, 23)])
def test_any_size(build: Build, size: tuple[int, int]) -> None:
    target = stream(*size)
    frames = film(target, pan(3, size[1], size[0]))
    for (given, _), result in zip(frames, shown(build(smoothing_graph(target)), target, frames), strict=True):
        assert [plane.shape for plane in result] == [plane.shape for plane in given]
        assert np.abs(result[0].astype(int) - given[0]).mean() < 40


def test_without_strength_the_graph_stays_as_it_is() -> None:
    b = GraphBuilder()
    styled = Rgb(b.input("styled", (1, 3, 16, 24), TensorProto.FLOAT))
    assert smooth(b, b.input("luma", (1, 1, 16, 24), TensorProto.FLOAT), styled, "bt709", 0) is styled
    assert not b.nodes
    assert not b.state


def test_state_is_counted_along_the_chain() -> None:
    """A recurrent model came before, with a state and a reset of its own."""
    b = GraphBuilder()
    b.input("state.0", (1,), TensorProto.FLOAT)
    b.state.append(("state.0", "state.0.next"))
    b.input(RESET, (), TensorProto.FLOAT)
    styled = Rgb(b.input("styled", (1, 3, 20, 31), TensorProto.FLOAT))
    smooth(b, b.input("luma", (1, 1, 24, 32), TensorProto.FLOAT), styled, "bt709")
    assert b.state[1:] == [("state.1", "state.1.next"), ("state.2", "state.2.next")]
    assert sum(value.name == RESET for value in b.inputs) == 1
    sizes = {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in b.inputs}
    assert sizes["state.1"] == [1, 1, 10, 16], "luma at the flow's size"
    assert sizes["state.2"] == [1, 3, 20, 31]


def test_large_pictures_have_a_coarser_flow() -> None:
    proto = smoothing_graph(stream(1920, 1080)).proto
    sizes = {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in proto.graph.input}
    assert sizes["state.0"] == [1, 1, 270, 480]


def test_nothing_but_float32_and_the_modes_every_runtime_knows() -> None:
    proto = smoothing_graph(stream()).proto
    onnx.checker.check_model(proto, full_check=True)
    modes = [node.attribute for node in proto.graph.node if node.op_type == "GridSample"]
    named = {attribute.s for attributes in modes for attribute in attributes if attribute.name == "mode"}
    assert named == {b"bilinear", b"bicubic"}
    halves = [value.name for value in proto.graph.value_info if value.type.tensor_type.elem_type == TensorProto.FLOAT16]
    assert not halves


def test_newer_operator_sets_are_refused() -> None:
    b = GraphBuilder(opset=20)
    styled = Rgb(b.input("styled", (1, 3, 16, 24), TensorProto.FLOAT))
    with pytest.raises(ModelError, match="operator set 20"):
        smooth(b, b.input("luma", (1, 1, 16, 24), TensorProto.FLOAT), styled, "bt709")
