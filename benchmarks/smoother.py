"""What smoothing costs on the host, beside simpler ways: `python -m benchmarks.smoother [--sizes 640x360 1280x720]`.

A camera that moves over a still scene, and a stylizer of code that flickers. The candidates take turns frame by frame,
so a machine that slows down slows all of them; `--graph` adds the form inside an engine, as OpenVINO computes it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import cv2

from streamsr.cli.options import parse_size
from streamsr.color import Color
from streamsr.engines.available import load_backend
from streamsr.engines.backend import CompileOptions
from streamsr.graph import StreamFormat, to_tensors
from streamsr.layout import pixel_layout
from tests.flicker import luma_of, pan, posterized, yuv_planes
from tests.unit.graph.smoothing import smoothing_graph

from .common import median_and_spread, save
from .smoothers import smoothers

THREADS, PICTURES, FRAMES, WARM_UP = 2, 8, 60, 6
Frame = tuple[Any, tuple[Any, ...]]


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["640x360", "1280x720"])
    parser.add_argument("--pix-fmt", default="yuv420p")
    parser.add_argument("--graph", action="store_true")
    parser.add_argument("--name", default="smoother")
    options = parser.parse_args()
    cv2.setNumThreads(THREADS)
    result: dict[str, Any] = {"threads": THREADS, "pix_fmt": options.pix_fmt, "sizes": {}}
    for size in options.sizes:
        stream = StreamFormat(*parse_size(size), pixel_layout(options.pix_fmt), Color("bt709", "tv"))
        result["sizes"][size] = figures = one_size(stream, options.graph)
        for name, figure in figures.items():
            wall, cpu = figure["wall_ms"], figure["cpu_ms"]
            print(
                f"{size:10} {name:22} wall {wall['median']:6.2f} ms (best {wall['min']:.2f}), cpu {cpu['median']:.2f}"
            )
    print(save(options.name, result))


def one_size(stream: StreamFormat, graph: bool) -> dict[str, dict[str, dict[str, float]]]:
    """Milliseconds a frame of every candidate."""
    rgb = pan(PICTURES, stream.height, stream.width)
    frames = [(luma_of(each), yuv_planes(posterized(each, i), stream.layout)) for i, each in enumerate(rgb)]
    runs: dict[str, Callable[..., Any]] = dict(smoothers(stream.layout, stream.width, stream.height))
    if graph:
        runs["graph, OpenVINO fp32"] = in_graph(stream)
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for index in range(FRAMES):
        for name, run in runs.items():
            spent[name].append(timed(run, frames[index % PICTURES]))
    return {
        name: {
            kind: median_and_spread(1000 * times[i] for times in found[WARM_UP:])
            for i, kind in enumerate(("wall_ms", "cpu_ms"))
        }
        for name, found in spent.items()
    }


def in_graph(stream: StreamFormat) -> Callable[..., Any]:
    """The other form, as an engine that does nothing else."""
    engine = load_backend("openvino").build(smoothing_graph(stream), "fp32", CompileOptions(threads=THREADS))
    return lambda luma, styled: engine.result(engine.submit((*to_tensors(styled, stream.layout), luma)))


def timed(run: Callable[..., Any], frame: Frame) -> tuple[float, float]:
    """Seconds of wall and of CPU time, that of every thread."""
    wall, cpu = time.perf_counter(), time.process_time()
    run(*frame)
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
