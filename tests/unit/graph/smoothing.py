"""A frame graph that only smooths: the planes of a styled picture, the luma of its input, perhaps a flow."""

from __future__ import annotations

from dataclasses import replace

from onnx import TensorProto

from streamsr.blending import flow_division
from streamsr.graph import FrameGraph, StreamFormat
from streamsr.graph.builder import GraphBuilder, infer_shapes
from streamsr.graph.convert import to_rgb
from streamsr.graph.pack import pack
from streamsr.graph.picture import Rgb
from streamsr.graph.temporal import smooth
from streamsr.graph.unpack import unpack


def smoothing_graph(stream: StreamFormat, strength: float = 0.85, *, given_flow: bool = False) -> FrameGraph:
    """Inputs: `plane.k`, `luma` (H, W) uint8, and `flow` (1, 2, h, w) float32 if that is to be given."""
    known = replace(stream, color=stream.color.resolved(stream.layout, stream.height))
    width, height = stream.width, stream.height
    b = GraphBuilder()
    picture = unpack(b, known, alpha=False)
    codes = b.cast(b.input("luma", (height, width)), TensorProto.FLOAT)
    luma = b.reshape(b.affine(codes, 1 / 255, 0), (1, 1, height, width))
    flow = None
    if given_flow:
        cells = tuple(-(-size // flow_division(width, height)) for size in (height, width))
        flow = b.input("flow", (1, 2, *cells), TensorProto.FLOAT)
    styled = Rgb(b.fit(to_rgb(b, picture), height, width))
    smoothed = smooth(b, luma, styled, known.color.matrix, strength, flow)
    pack(b, replace(picture, image=smoothed), known, within_cell=False)
    proto = infer_shapes(b.finish("smooth"))
    return FrameGraph(proto, stream, stream, 0, 1, tuple(b.state))
