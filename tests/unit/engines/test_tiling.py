"""Tiled pictures equal whole ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamsr.engines.autotile import auto_tile, tile_plan
from streamsr.engines.available import load_backend
from streamsr.engines.backend import CompileOptions
from streamsr.engines.memory import available_memory, footprint
from streamsr.engines.runner import stream
from streamsr.engines.tiling import TiledEngine, sample_tile
from streamsr.errors import ConfigError, MismatchError
from streamsr.graph.frame_graph import FrameGraph, build_frame_graph
from streamsr.graph.model import Model
from tests.nets import small

from . import graphs

OPTIONS = CompileOptions(threads=2)
BACKEND = load_backend("openvino")

LUMA, RGB = small("luma"), small("rgb", width=6)
CASES = [
    ("yuv420p", 96, 64, LUMA),
    ("nv12", 96, 64, LUMA),
    ("yuv420p", 101, 67, LUMA),
    ("nv12", 75, 93, RGB),
    ("yuv420p10le", 101, 67, LUMA),
    ("p010le", 99, 70, RGB),
    ("yuv422p", 85, 66, RGB),
    ("yuv444p", 85, 67, LUMA),
    ("yuv411p", 97, 66, LUMA),
    ("gbrp", 77, 63, RGB),
    ("rgba", 77, 63, RGB),
    ("gray", 77, 63, LUMA),
]


def tiled(model: Model, whole: FrameGraph, tile: int) -> TiledEngine:
    plan = tile_plan(whole, tile)
    assert plan is not None
    source = graphs.stream_format(whole.input.layout.name, plan.width, plan.height)
    inner = BACKEND.build(build_frame_graph([model], source, whole.output.layout), "fp32", OPTIONS)
    return TiledEngine(inner, plan, whole.input, whole.output)


def assert_tiles_do_not_show(model: Model, whole: FrameGraph, tile: int) -> None:
    pictures = graphs.frames(whole.input, 2)
    one, many = BACKEND.build(whole, "fp32", OPTIONS), tiled(model, whole, tile)
    for a, b in zip(stream(one, pictures), stream(many, pictures), strict=True):
        assert graphs.largest_difference(a, b, whole.output) <= 1
    one.close()
    many.close()


@pytest.mark.parametrize(("layout", "width", "height", "model"), CASES)
def test_no_seam_in_any_layout(layout: str, width: int, height: int, model: Model) -> None:
    whole = build_frame_graph([model], graphs.stream_format(layout, width, height))
    assert_tiles_do_not_show(model, whole, 52)


@pytest.mark.parametrize("tile", [38, 41, 50, 66, 90])
def test_no_seam_at_any_size(tile: int) -> None:
    assert_tiles_do_not_show(LUMA, graphs.upscaling("yuv420p", 101, 67, LUMA), tile)


@pytest.mark.parametrize(("given", "wanted"), [("yuv420p", "yuv444p"), ("yuv444p", "nv12"), ("yuv420p", "rgb24")])
def test_no_seam_between_layouts(given: str, wanted: str) -> None:
    wide = graphs.stream_format(wanted).layout
    assert_tiles_do_not_show(RGB, build_frame_graph([RGB], graphs.stream_format(given, 101, 67), wide), 48)


def test_no_seam_without_upscaling() -> None:
    model = small("rgb", 1)
    assert_tiles_do_not_show(model, graphs.upscaling("yuv420p", 101, 67, model), 48)


def test_without_overlap_seams_would_show() -> None:
    whole = graphs.upscaling("yuv420p", 101, 67)
    careless = replace(whole, halo=0)
    one, many = BACKEND.build(whole, "fp32", OPTIONS), tiled(LUMA, careless, 48)
    (a,), (b,) = (list(stream(engine, graphs.frames(whole.input, 1))) for engine in (one, many))
    assert graphs.largest_difference(a, b, whole.output) > 5
    one.close()
    many.close()


def test_the_sample_is_a_tile() -> None:
    whole = graphs.upscaling("yuv420p10le", 101, 67)
    engine = tiled(LUMA, whole, 48)
    plan = tile_plan(whole, 48)
    assert plan is not None
    sample = sample_tile(graphs.frames(whole.input, 1)[0], whole.input, plan)
    shapes = graphs.shapes(graphs.stream_format("yuv420p10le", plan.width, plan.height))
    assert [plane.shape for plane in sample] == shapes
    engine.close()


def test_an_engine_for_other_tiles_is_refused() -> None:
    whole = graphs.upscaling("yuv420p", 101, 67)
    plan = tile_plan(whole, 48)
    assert plan is not None
    inner = BACKEND.build(graphs.upscaling("yuv420p", 46, 46), "fp32", OPTIONS)
    with pytest.raises(MismatchError, match="45x47 yuv420p tiles"):
        TiledEngine(inner, plan, whole.input, whole.output)
    inner.close()


def test_state_belongs_to_whole_pictures() -> None:
    graph = graphs.running_sum(width=64, height=64)
    with pytest.raises(ConfigError, match="previous frame"):
        tile_plan(graph, 16)
    assert tile_plan(graph, "auto", memory=1) is None


def test_auto_takes_tiles_only_when_memory_is_short(caplog: pytest.LogCaptureFixture) -> None:
    whole = graphs.upscaling("yuv420p", 640, 360)
    need = footprint(whole)
    assert tile_plan(whole, None) is None
    assert tile_plan(whole, "auto", memory=2 * need) is None
    assert tile_plan(whole, 640) is None
    assert not caplog.records
    plan = tile_plan(whole, "auto", memory=need // 2)
    assert plan is not None
    assert footprint(graphs.upscaling("yuv420p", plan.width, plan.height)) <= need // 4
    assert "computing tiles of" in caplog.text


def test_auto_has_a_least_size() -> None:
    whole = graphs.upscaling("yuv420p", 640, 360)
    tile = auto_tile(whole, memory=0)
    assert tile is not None
    assert tile_plan(whole, tile) is not None


def test_memory_is_measured() -> None:
    small_one, large_one = graphs.upscaling("yuv420p", 64, 64), graphs.upscaling("yuv420p", 128, 128)
    assert footprint(large_one) == 4 * footprint(small_one)
    assert 1 << 20 < available_memory() < 1 << 50
