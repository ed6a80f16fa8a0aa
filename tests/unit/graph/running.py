"""Running frame graphs, and pictures to run them on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime

from streamsr.color import Color
from streamsr.frame import Plane
from streamsr.graph import FrameGraph, Model, StreamFormat, build_frame_graph, to_planes, to_tensors
from streamsr.layout import LAYOUTS, PixelLayout, pixel_layout

LAYOUT_NAMES = tuple(LAYOUTS)
EVEN, ODD = (34, 22), (37, 23)


def stream(layout: str, size: tuple[int, int] = (34, 22), **color: str) -> StreamFormat:
    return StreamFormat(*size, pixel_layout(layout), Color(**color))


def noise(
    layout: PixelLayout, size: tuple[int, int], low: float = 0.0, high: float = 1.0, seed: int = 0
) -> list[Plane]:
    """Random samples between two fractions of the peak; padding bytes are 255, as every writer leaves them."""
    random = np.random.default_rng(seed)
    planes = []
    for letters, shape in zip(layout.planes, layout.plane_shapes(*size), strict=True):
        plane = random.integers(round(low * layout.peak), round(high * layout.peak) + 1, shape)
        if "X" in letters:
            plane[..., letters.index("X")] = layout.peak
        planes.append((plane << layout.shift).astype(layout.dtype))
    return planes


def run(graph: FrameGraph, planes: Sequence[Plane]) -> tuple[Plane, ...]:
    """The graph's output planes by ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(graph.proto.SerializeToString(), options, ["CPUExecutionProvider"])
    feeds = {f"plane.{i}": tensor for i, tensor in enumerate(to_tensors(planes, graph.input.layout))}
    names = [f"out.{i}" for i in range(len(graph.output.layout.planes))]
    return to_planes(session.run(names, feeds), graph.output.layout)


def convert(
    planes: Sequence[Plane], source: StreamFormat, target: str, models: Sequence[Model] = (), **color: str
) -> tuple[Plane, ...]:
    return run(build_frame_graph(models, source, pixel_layout(target), Color(**color) if color else None), planes)


def worst(ours: Sequence[Plane], theirs: Sequence[Plane], layout: PixelLayout) -> int:
    """Largest difference in levels of the layout's depth."""
    pairs = zip(ours, theirs, strict=True)
    return max(int(np.abs((a >> layout.shift).astype(int) - (b >> layout.shift)).max()) for a, b in pairs)
