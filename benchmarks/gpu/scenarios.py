"""What is run to record the calls of an engine: small, and every kind of graph that lanes treat differently."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

import numpy as np

from streamsr.color import Color
from streamsr.engines.backend import CompileOptions
from streamsr.engines.base import DeviceEngine, Ticket
from streamsr.engines.cuda import Driver
from streamsr.engines.plan import Flavour, build_plan
from streamsr.engines.runner import stream
from streamsr.engines.tensorrt import TensorRT
from streamsr.graph.frame_graph import FrameGraph, build_frame_graph
from streamsr.graph.stream import StreamFormat
from streamsr.layout import pixel_layout
from streamsr.link import make_links
from streamsr.residence import DevicePlane

from .calls import Recorder

FRAMES = 6
_PITCH = 512
GRAPHS: dict[str, tuple[float, bool]] = {
    "stateless": (0.0, True),
    "stateless without graphs": (0.0, False),
    "recurrent": (0.85, True),
    "resident": (0.0, True),
    "resident recurrent": (0.85, True),
}
"""By scenario: how much the frame graph smooths, and whether frames are captured as CUDA graphs.

Those called resident have their frames on the device, and leave the results there.
"""

Planner = Callable[..., bytes]


def scenario_graph(name: str) -> FrameGraph:
    """The frame graph of a scenario: a bundled model at 48x32, smoothed or not."""
    (link,) = make_links(["fast-x2"])
    source = StreamFormat(48, 32, pixel_layout("yuv420p"), Color())
    return build_frame_graph([link.model("fp32")], source, smooth=GRAPHS[name][0])


def record(name: str, flavour: Flavour, library: Any, driver: Any, planner: Planner = build_plan) -> list[str]:
    """The calls from building to closing an engine: six frames, a reset, one frame more."""
    recorder = Recorder()
    watched = recorder.driver(driver)
    backend = TensorRT(
        flavour,
        graphs=GRAPHS[name][1],
        module=recorder.library(library),
        drivers=lambda _: watched,
        planner=planner,
    )
    graph = scenario_graph(name)
    options = CompileOptions(device=backend.device, cache=False)
    with closing(backend.build(graph, "fp32", options)) as engine:
        frames = [_frame(engine.spec.inputs, seed) for seed in range(FRAMES)]
        if name.startswith("resident"):
            _run_there(engine, watched, frames)
        else:
            for _ in stream(engine, frames):
                pass
            engine.reset()
            engine.result(engine.submit(frames[0]))
    return recorder.calls


def _run_there(engine: DeviceEngine, driver: Driver, frames: list[tuple[np.ndarray, ...]]) -> None:
    """The same from one picture on the device, whatever it shows, and back to the device."""
    blocks = [driver.alloc(_PITCH * array.shape[0]) for array in frames[0]]
    picture = [
        DevicePlane(array.shape, array.dtype, _PITCH, block, engine.home, driver)
        for array, block in zip(frames[0], blocks, strict=True)
    ]
    flights: deque[Ticket] = deque()
    for _ in frames:
        if len(flights) == engine.spec.depth:
            engine.planes(flights.popleft())
        flights.append(engine.submit_planes(picture, stay=True))
    while flights:
        engine.planes(flights.popleft())
    engine.reset()
    engine.planes(engine.submit_planes(picture, stay=True))
    for block in blocks:
        driver.free(block)


def _frame(inputs: Iterable[Any], seed: int) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    return tuple(random.integers(16, 235, tensor.shape, np.uint8) for tensor in inputs)
