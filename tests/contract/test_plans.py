"""Every bundled model becomes a plan: real engines of TensorRT for RTX, on a machine without a GPU.

fp16, 8-bit nv12 and 10-bit p010, 360p and 1080p; stateless, and recurrent with style, smoothing and super-resolution in
one engine. Kernels are chosen on the device, so a build takes a second at any size, and all of them are built.
"""

from __future__ import annotations

import pytest

from streamsr.color import Color
from streamsr.engines.plan import PlanOptions, build_plan
from streamsr.engines.plan_layers import Layer
from streamsr.graph import FrameGraph, StreamFormat, build_frame_graph, load_model
from streamsr.graph.precision import half
from streamsr.layout import pixel_layout
from streamsr.look import Look
from streamsr.zoo.catalog import names, resolve

pytestmark = pytest.mark.tensorrt_rtx

SIZES = {"360p": (640, 360), "1080p": (1920, 1080)}
FORMATS = [(layout, size) for layout in ("nv12", "p010") for size in SIZES]
INT8 = [name for name in names() if "int8" in resolve(name).variants]


def layers_of(graph: FrameGraph) -> tuple[Layer, ...]:
    """What the plan of a graph consists of."""
    told: list[tuple[Layer, ...]] = []
    assert len(build_plan(graph, "tensorrt-rtx", PlanOptions(level=0), layers=told.append)) > 100_000
    return told[0]


def source(layout: str, size: str) -> StreamFormat:
    return StreamFormat(*SIZES[size], pixel_layout(layout), Color())


def chain(*models: str, layout: str, size: str, smooth: float = 0.0) -> FrameGraph:
    loaded = [load_model(resolve(name).path) for name in models]
    looks = {
        i: Look((1.0, *[0.0] * (len(model.spec.conditioning) - 1))).tensors()
        for i, model in enumerate(loaded)
        if model.spec.conditioning
    }
    return half(build_frame_graph(loaded, source(layout, size), conditions=looks, smooth=smooth))


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize(("layout", "size"), FORMATS)
def test_bundled_models(name: str, layout: str, size: str) -> None:
    graph = chain(name, layout=layout, size=size)
    layers = layers_of(graph)
    types = {layer.precision for layer in layers if "model0/" in " ".join(layer.nodes)}
    assert ("Half" in types) == any(
        node.op_type == "Relu" or node.op_type == "Sigmoid" for node in graph.proto.graph.node
    )


@pytest.mark.parametrize(("layout", "size"), FORMATS)
def test_style_smoothing_and_upscaling_in_one_engine(layout: str, size: str) -> None:
    graph = chain("style-live", "live-x2", layout=layout, size=size, smooth=0.85)
    assert len(graph.state) == 2
    layers = layers_of(graph)
    sampled = [layer for layer in layers if any("GridSample" in node for node in layer.nodes)]
    assert sampled
    assert {tensor.dtype for layer in sampled for tensor in (*layer.inputs, *layer.outputs)} <= {"Float", "Int32"}
    for network in ("model0/", "model1/"):
        assert "Half" in {layer.precision for layer in layers if network in " ".join(layer.nodes)}


def test_controls_are_inputs_of_a_plan() -> None:
    model = load_model(resolve("style-live").path)
    graph = half(build_frame_graph([model], source("nv12", "360p")))
    assert graph.controls == ("style_weights", "strength")
    assert layers_of(graph)


@pytest.mark.parametrize("name", INT8)
def test_quantized_models_convolve_in_integers(name: str) -> None:
    layers = layers_of(chain(f"{name}.int8", layout="nv12", size="360p"))
    assert sum("Int8" in {tensor.dtype for tensor in layer.inputs} for layer in layers) >= 4
