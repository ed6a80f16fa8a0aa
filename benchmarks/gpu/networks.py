"""The frame graphs that are measured: bundled models, and a network of the size everybody quotes."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from streamsr.graph.frame_graph import FrameGraph, build_frame_graph
from streamsr.graph.model import Model
from streamsr.graph.stream import StreamFormat
from streamsr.link import make_links
from streamsr.spec import METADATA_KEY, ModelSpec

COMPACT = "compact-size-x2"
"""SRVGGNetCompact as Real-ESRGAN defines it, 64 channels and 16 convolutions, x2, some 600 thousand weights. They are
random here: nobody's licence is concerned, and time does not depend on them."""

_CHANNELS, _DEPTH, _SCALE = 64, 16, 2


def frame_graph(model: str, source: StreamFormat) -> FrameGraph:
    """The frame graph of a bundled model, or of `COMPACT`, for pictures of `source`."""
    if model == COMPACT:
        return build_frame_graph([compact()], source)
    (link,) = make_links([model])
    return build_frame_graph([link.model("fp32")], source)


def compact() -> Model:
    """A network of Compact's shape; what it adds to the enlarged picture is small, so that pictures stay pictures."""
    random = np.random.default_rng(0)
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def const(values: np.ndarray) -> str:
        name = f"w{len(weights)}"
        weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def node(op: str, *inputs: str, **attributes: object) -> str:
        name = f"{op}{len(nodes)}"
        nodes.append(helper.make_node(op, inputs, [name], name=f"node_{name}", **attributes))
        return name

    def conv(x: str, into: int, out: int, gain: float) -> str:
        kernel = random.normal(0, gain / np.sqrt(9 * into), (out, into, 3, 3))
        return node("Conv", x, const(kernel), const(np.zeros(out)), kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    x = "image"
    for index in range(_DEPTH + 1):
        x = conv(x, _CHANNELS if index else 3, _CHANNELS, 1.4)
        x = node("PRelu", x, const(np.full((_CHANNELS, 1, 1), 0.1)))
    x = node("DepthToSpace", conv(x, _CHANNELS, 3 * _SCALE**2, 0.1), blocksize=_SCALE, mode="CRD")
    nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    base = node("Resize", "image", "", const(np.array([1, 1, _SCALE, _SCALE])), **nearest)
    nodes.append(helper.make_node("Add", [x, base], ["result"], name="node_result"))
    given = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, [1, 3, None, None])
    graph = helper.make_graph(nodes, COMPACT, [given], [result], weights)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    spec = ModelSpec(COMPACT, scale=_SCALE, halo=_DEPTH + 3)
    helper.set_model_props(proto, {METADATA_KEY: spec.to_json()})
    return Model(spec, proto)
