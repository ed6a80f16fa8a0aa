"""Both bundled backends show the same picture."""

from __future__ import annotations

import pytest

from streamsr.engines.available import load_backend
from streamsr.engines.backend import CompileOptions
from streamsr.engines.runner import stream
from streamsr.graph.frame_graph import build_frame_graph
from streamsr.layout import LAYOUTS
from tests.nets import Colour, small

from . import graphs

OPTIONS = CompileOptions(threads=2)


@pytest.mark.parametrize("color", ["luma", "rgb"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_openvino_and_onnxruntime_agree_within_one_level(layout: str, color: Colour) -> None:
    graph = build_frame_graph([small(color)], graphs.stream_format(layout, 21, 14))
    pictures = graphs.frames(graph.input, 2)
    engines = [load_backend(name).build(graph, "fp32", OPTIONS) for name in ("openvino", "onnxruntime")]
    for a, b in zip(*(stream(engine, pictures) for engine in engines), strict=True):
        assert graphs.largest_difference(a, b, graph.output) <= 1
    for engine in engines:
        engine.close()
