"""ONNX in, ONNX out: a chain of models becomes one graph from the decoder's planes to the encoder's."""

from .frame_graph import FrameGraph, build_frame_graph
from .model import Model, load_model
from .planes import to_planes, to_tensors
from .stream import StreamFormat

__all__ = ["FrameGraph", "Model", "StreamFormat", "build_frame_graph", "load_model", "to_planes", "to_tensors"]
