"""Frame graphs and frames for the engine tests."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from streamsr.color import Color
from streamsr.graph.frame_graph import FrameGraph, build_frame_graph
from streamsr.graph.model import Model
from streamsr.graph.planes import tensor_shapes, to_planes, to_tensors
from streamsr.graph.stream import StreamFormat
from streamsr.layout import pixel_layout
from tests.nets import small

Tensors = tuple[np.ndarray, ...]


def stream_format(layout: str = "yuv420p", width: int = 48, height: int = 32) -> StreamFormat:
    return StreamFormat(width, height, pixel_layout(layout), Color())


def upscaling(layout: str = "yuv420p", width: int = 48, height: int = 32, model: Model | None = None) -> FrameGraph:
    return build_frame_graph([model or small("luma")], stream_format(layout, width, height))


def frames(source: StreamFormat, count: int = 3, seed: int = 0) -> list[Tensors]:
    """Soft textures of full contrast, each frame another."""
    random = np.random.default_rng(seed)
    return [to_tensors(_picture(source, random), source.layout) for _ in range(count)]


def _picture(source: StreamFormat, random: np.random.Generator) -> Tensors:
    layout = source.layout
    planes = []
    for shape in layout.plane_shapes(source.width, source.height):
        noise = random.random(shape)
        soft = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1) + np.roll(noise, (1, 1), (0, 1))) / 4
        planes.append(np.rint(soft * layout.peak).astype(layout.dtype) << layout.shift)
    return tuple(planes)


def largest_difference(a: Tensors, b: Tensors, stream: StreamFormat) -> float:
    """In 8-bit levels; one level of a deep sample counts as one, too."""
    layout = stream.layout
    pairs = zip(to_planes(a, layout), to_planes(b, layout), strict=True)
    return max(int(np.abs(x.astype(np.int64) - y).max()) >> layout.shift for x, y in pairs)


def shapes(stream: StreamFormat) -> list[tuple[int, ...]]:
    return list(tensor_shapes(stream.layout, stream.width, stream.height))


def running_sum(*, with_reset: bool = False, width: int = 6, height: int = 4) -> FrameGraph:
    """A recurrent graph: each output is the sum of all gray frames since the last reset.

    With a reset input the graph ignores what is in the state when it is told to; the sum starts at 100 then.
    """
    nodes = [helper.make_node("Cast", ["plane.0"], ["now"], to=TensorProto.FLOAT)]
    inputs = [_value("plane.0", TensorProto.UINT8, height, width), _value("state.0", TensorProto.FLOAT, height, width)]
    before = "state.0"
    if with_reset:
        inputs.append(_value("reset", TensorProto.FLOAT))
        before = "before"
        nodes += [
            helper.make_node("Sub", ["one", "reset"], ["keep"]),
            helper.make_node("Mul", ["state.0", "keep"], ["kept"]),
            helper.make_node("Mul", ["reset", "hundred"], ["start"]),
            helper.make_node("Add", ["kept", "start"], [before]),
        ]
    nodes += [
        helper.make_node("Add", ["now", before], ["state.0.next"]),
        helper.make_node("Cast", ["state.0.next"], ["out.0"], to=TensorProto.UINT8),
    ]
    outputs = [
        _value("out.0", TensorProto.UINT8, height, width),
        _value("state.0.next", TensorProto.FLOAT, height, width),
    ]
    gray = stream_format("gray", width, height)
    return FrameGraph(_model(nodes, inputs, outputs), gray, gray, 0, 1, (("state.0", "state.0.next"),))


def passthrough(width: int = 6, height: int = 4) -> FrameGraph:
    """The output is the input: nothing to compute, so nothing to hide an alias behind."""
    nodes = [helper.make_node("Identity", ["plane.0"], ["out.0"])]
    value = (TensorProto.UINT8, height, width)
    gray = stream_format("gray", width, height)
    return FrameGraph(_model(nodes, [_value("plane.0", *value)], [_value("out.0", *value)]), gray, gray, 0, 1)


def _value(name: str, kind: int, *shape: int):
    return helper.make_tensor_value_info(name, kind, shape)


def _model(nodes, inputs, outputs) -> ModelProto:
    constants = [numpy_helper.from_array(np.float32(value), name) for name, value in (("one", 1), ("hundred", 100))]
    graph = helper.make_graph(nodes, "test", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
