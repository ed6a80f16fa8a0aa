"""Engines on the GPU: that they build and show the right pictures, how fast they are, and what a CUDA graph gains."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from itertools import cycle, islice, takewhile
from typing import Any

from streamsr.bench.device import device_seconds
from streamsr.bench.peak import Peaks
from streamsr.bench.scene import Scene
from streamsr.color import Color
from streamsr.engines.available import load_backend
from streamsr.engines.backend import CompileOptions
from streamsr.engines.base import Array, Engine
from streamsr.engines.guard import Reference, verify
from streamsr.engines.plan import Flavour
from streamsr.engines.runner import stream
from streamsr.engines.tensorrt import TensorRT
from streamsr.graph.frame_graph import FrameGraph
from streamsr.graph.planes import to_tensors
from streamsr.graph.stream import StreamFormat
from streamsr.graph.workload import count_workload
from streamsr.layout import pixel_layout
from streamsr.zoo.catalog import names

from .networks import COMPACT, frame_graph

MODELS = ("live-x2", "detail-x2", COMPACT)
SIZES = ((1280, 720), (1920, 1080))
BUILD_SIZE = (640, 360)
GRAPH_SIZES = ((320, 180), (640, 360), (1280, 720))
"""Where frames are short, putting them together by hand costs most."""
SECONDS = 4.0
PICTURES = 4
DEVICE = "cuda:0"


def builds(backend: str, precision: str = "fp16") -> dict[str, Any]:
    """Every bundled model for super-resolution: built, held against the reference."""
    return {model: _told(_proved, backend, model, BUILD_SIZE, precision) for model in names("sr") if "." not in model}


def speeds(backend: str, peaks: Peaks, precision: str = "fp16") -> list[dict[str, Any]]:
    """Frames per second of the engine alone, and the share of what the device can do at best."""
    return [_told(_speed, backend, model, size, precision, peaks) for size in SIZES for model in MODELS]


def graph_gain(backend: Flavour, precision: str = "fp16") -> list[dict[str, Any]]:
    """Frames per second with and without CUDA graphs, in turns."""
    return [_told(_gain, backend, "live-x2", size, precision) for size in GRAPH_SIZES]


def _told(measure: Any, backend: str, model: str, size: tuple[int, int], *more: Any) -> dict[str, Any]:
    """What is measured, or why it cannot be; the others are measured all the same."""
    about = {"model": model, "size": f"{size[0]}x{size[1]}", "backend": backend}
    try:
        return about | measure(backend, model, size, *more)
    except Exception as error:  # whatever it is, it is what this check is made to find
        return about | {"error": f"{type(error).__name__}: {error}"}


def _proved(backend: str, model: str, size: tuple[int, int], precision: str) -> dict[str, Any]:
    graph, pictures = _ready(model, size)
    started = time.perf_counter()
    with closing(load_backend(backend).build(graph, precision, _options())) as engine:
        return {"build_seconds": round(time.perf_counter() - started, 2)} | _verdict(engine, model, graph, pictures)


def _speed(backend: str, model: str, size: tuple[int, int], precision: str, peaks: Peaks) -> dict[str, Any]:
    graph, pictures = _ready(model, size)
    work = count_workload(graph)
    floor = peaks.floor_seconds(work, precision)
    with closing(load_backend(backend).build(graph, precision, _options())) as engine:
        found = {"precision": precision} | _verdict(engine, model, graph, pictures)
        rate = fps(engine, pictures, SECONDS)
        frames = max(8, round(rate))
        device = device_seconds(engine, frames)
        shared = None if floor is None or device is None else floor * frames / device
        return found | {
            "fps": round(rate, 1),
            "device_ms": None if device is None else round(1000 * device / frames, 4),
            "gflop": round(work.flops / 1e9, 1),
            "share_of_peak": None if shared is None else round(shared, 3),
            "contexts": engine.spec.depth - 1,
        }


def _gain(backend: Flavour, model: str, size: tuple[int, int], precision: str) -> dict[str, Any]:
    graph, pictures = _ready(model, size)
    rates: dict[bool, list[float]] = {True: [], False: []}
    engines = {graphs: TensorRT(backend, graphs=graphs).build(graph, precision, _options()) for graphs in rates}
    try:
        for graphs, engine in [*engines.items()] * 3:
            rates[graphs].append(fps(engine, pictures, SECONDS / 4))
    finally:
        for engine in engines.values():
            engine.close()
    best = {graphs: max(found) for graphs, found in rates.items()}
    return {"fps_with": round(best[True], 1), "fps_without": round(best[False], 1), "gain": best[True] / best[False]}


def fps(engine: Engine, pictures: list[tuple[Array, ...]], seconds: float) -> float:
    """Frames per second over about so long, after as many frames as the engine takes at once."""
    for _ in stream(engine, islice(cycle(pictures), 4 * engine.spec.depth)):
        pass
    started = time.perf_counter()
    in_time = takewhile(lambda _: time.perf_counter() - started < seconds, cycle(pictures))
    frames = sum(1 for _ in stream(engine, in_time))
    return frames / (time.perf_counter() - started)


def _ready(model: str, size: tuple[int, int]) -> tuple[FrameGraph, list[tuple[Array, ...]]]:
    source = StreamFormat(*size, pixel_layout("yuv420p"), Color("bt709", "tv", "bt709", "bt709", "left"))
    scene = Scene(*size)
    frames = [scene.frame(index) for index in range(PICTURES)]
    return frame_graph(model, source), [to_tensors(frame.planes, frame.layout) for frame in frames]


def _verdict(engine: Engine, model: str, graph: FrameGraph, pictures: list[tuple[Array, ...]]) -> dict[str, Any]:
    """The guard's findings."""
    verdict = verify(engine, Reference(graph, lambda: pictures[:2], lambda source, _: frame_graph(model, source)))
    return {"psnr": round(min(verdict.psnr), 2)}


def _options() -> CompileOptions:
    return replace(CompileOptions(cache=False), device=DEVICE)
