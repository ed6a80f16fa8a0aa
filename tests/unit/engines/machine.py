"""A machine with a GPU that is not there, for the tests of the TensorRT engine."""

from __future__ import annotations

import numpy as np

from benchmarks.gpu.calls import Recorder
from streamsr.engines.available import load_backend
from streamsr.engines.backend import CompileOptions
from streamsr.engines.runner import stream
from streamsr.engines.tensorrt import TensorRT, TensorRTEngine
from streamsr.graph.frame_graph import FrameGraph
from tests.fake_cuda import FakeDriver
from tests.fake_tensorrt import FakeTensorRT, plan

from . import graphs

GRAPH = graphs.upscaling()
PICTURES = graphs.frames(GRAPH.input, 8)
OPTIONS = CompileOptions(device="cuda:0")


class Machine:
    """A fake device and library, and the backend on them."""

    def __init__(self, room: int = 1 << 30, **options) -> None:
        self.driver = FakeDriver(room)
        self.library = FakeTensorRT(self.driver)
        self.recorder = Recorder()
        watched = self.recorder.driver(self.driver)
        library = self.recorder.library(self.library)
        self.backend = TensorRT("tensorrt-rtx", module=library, drivers=lambda index: watched, planner=plan, **options)

    def build(self, graph: FrameGraph = GRAPH, precision: str = "fp32") -> TensorRTEngine:
        return self.backend.build(graph, precision, OPTIONS)

    @property
    def calls(self) -> list[str]:
        return self.recorder.calls

    def since(self, engine: TensorRTEngine) -> list[str]:
        """Forget the calls so far; the list that fills from now on."""
        self.recorder.calls.clear()
        return self.recorder.calls


def equal(a: graphs.Tensors, b: graphs.Tensors) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def right_pictures() -> list[graphs.Tensors]:
    """What becomes of `PICTURES`."""
    engine = load_backend("onnxruntime").build(GRAPH, "fp32", CompileOptions(threads=1))
    results = list(stream(engine, PICTURES))
    engine.close()
    return results
