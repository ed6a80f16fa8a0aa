"""Frame graphs of free height and width: the same pictures as graphs of one size, at sizes nobody looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
import pytest

from streamsr.color import Color
from streamsr.errors import ConfigError
from streamsr.graph import FrameGraph, Model, StreamFormat, build_frame_graph
from streamsr.graph.dynamic import dynamic
from streamsr.graph.tensorrt_form import tensorrt_form
from streamsr.layout import pixel_layout
from tests.nets import small
from tests.unit.engines.graphs import frames
from tests.unit.graph.test_precision import outputs

LOW, HIGH = (32, 24), (96, 64)


def builder(models: list[Model], layout: str, smooth: float = 0.0) -> Callable[[int, int], FrameGraph]:
    yuv = pixel_layout(layout).family == "yuv"
    color = Color(matrix="bt709", range="tv") if yuv else Color()
    return lambda width, height: build_frame_graph(
        models, StreamFormat(width, height, pixel_layout(layout), color), smooth=smooth
    )


@pytest.mark.parametrize("layout", ["nv12", "p010", "yuv420p", "yuv444p", "rgb24", "gray"])
@pytest.mark.parametrize("color", ["luma", "rgb"])
@pytest.mark.parametrize("size", [(48, 40), (96, 24), (64, 64)])
def test_any_size_in_between(layout: str, color: str, size: tuple[int, int]) -> None:
    build = builder([small(color, layers=2)], layout)
    free = dynamic(lambda *size: tensorrt_form(build(*size).proto), LOW, HIGH)
    onnx.checker.check_model(free, full_check=True)
    fixed = build(*size)
    pictures = frames(fixed.input, 1)
    for a, b in zip(outputs(fixed, pictures), outputs(replace(fixed, proto=free), pictures), strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_free_dimensions_have_names() -> None:
    free = dynamic(lambda *size: builder([small("luma")], "nv12")(*size).proto, LOW, HIGH)
    names = [[dim.dim_param or dim.dim_value for dim in v.type.tensor_type.shape.dim] for v in free.graph.input]
    assert names == [["height", "width"], ["height/2", "width/2", 2]]


def test_one_side_may_stay() -> None:
    free = dynamic(lambda *size: builder([small("luma")], "gray")(*size).proto, (32, 24), (96, 24))
    (value,) = free.graph.input
    assert [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim] == [24, "width"]


def test_what_depends_on_the_size_in_its_own_way_is_refused() -> None:
    with pytest.raises(ConfigError, match="no one graph for a range of sizes"):
        dynamic(lambda *size: builder([small("luma")], "nv12", 0.85)(*size).proto, (64, 48), (128, 96))
    with pytest.raises(ConfigError, match="with the size: compile it for each"):
        dynamic(lambda *size: builder([small("luma")], "nv12", 0.85)(*size).proto, (80, 80), (84, 80))


def test_no_range_is_refused() -> None:
    for high in (LOW, (16, 64)):
        with pytest.raises(ConfigError, match="is no range of sizes"):
            dynamic(lambda *size: builder([], "gray")(*size).proto, LOW, high)
