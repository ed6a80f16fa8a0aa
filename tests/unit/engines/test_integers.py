"""Quantized networks with signed activations: both bundled backends show what the graph says."""

from __future__ import annotations

import numpy as np
import pytest

from streamsr.engines.available import load_backend
from streamsr.engines.backend import CompileOptions
from streamsr.engines.runner import stream
from streamsr.graph.frame_graph import build_frame_graph
from tests.nets import model
from tests.unit.graph.running import run
from tests.unit.graph.test_requantize import network

from . import graphs


@pytest.mark.parametrize(("backend", "mean"), [("openvino", 0.01), ("onnxruntime", 1.0)])
def test_an_int8_engine_is_close_to_its_graph(backend: str, mean: float) -> None:
    """OpenVINO computes the graph itself, ONNX Runtime rounds before each activation too."""
    graph = build_frame_graph([model(network(alpha=0.2), "leaky")], graphs.stream_format("yuv420p", 34, 22))
    pictures = graphs.frames(graph.input, 2)
    engine = load_backend(backend).build(graph, "int8", CompileOptions(threads=1))
    for planes, given in zip(stream(engine, pictures), pictures, strict=True):
        wanted = run(graph, given)
        assert np.abs(planes[0].astype(int) - wanted[0]).mean() < mean
        np.testing.assert_array_equal(planes[1], wanted[1])
    engine.close()
