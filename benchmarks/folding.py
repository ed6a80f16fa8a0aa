"""What folding colour conversion into the convolutions buys: `python -m benchmarks.folding [--size 640x360]`.

An RGB network of 5 convolutions and 16 channels, twice the size, random weights: the smallest kind, where everything
around the network weighs most. The folded and the plain frame graph take turns on the same engine settings.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from contextlib import closing

import numpy as np

from streamsr.cli.options import parse_size
from streamsr.color import Color
from streamsr.engines.available import load_backend, native_precisions
from streamsr.engines.backend import CompileOptions
from streamsr.engines.base import Array, Engine
from streamsr.graph.frame_graph import build_frame_graph
from streamsr.graph.stream import StreamFormat
from streamsr.layout import pixel_layout
from tests.nets import rgb_sr_net

from .common import median_and_spread, save

FRAMES, ROUNDS = 40, 9


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--pix-fmt", default="yuv420p")
    options = parser.parse_args()
    source = StreamFormat(*parse_size(options.size), pixel_layout(options.pix_fmt), Color("bt709", "tv"))
    precisions = [name for name in native_precisions("openvino") if name != "int8"]
    result = {"source": str(source), "fps_ratio_folded_over_plain": {name: ratio(source, name) for name in precisions}}
    print(result)
    print(save("folding", result))


def ratio(source: StreamFormat, precision: str) -> dict[str, float]:
    """Frames per second of the folded graph over the plain one, round by round."""
    with (
        closing(engine(source, precision, fold=True)) as folded,
        closing(engine(source, precision, fold=False)) as plain,
    ):
        inputs = picture(source)
        seconds(folded, inputs), seconds(plain, inputs)
        return median_and_spread(seconds(plain, inputs) / seconds(folded, inputs) for _ in range(ROUNDS))


def engine(source: StreamFormat, precision: str, *, fold: bool) -> Engine:
    """The network on this stream."""
    graph = build_frame_graph([rgb_sr_net(channels=16, convs=5, scale=2)], source, fold=fold)
    return load_backend("openvino").build(graph, precision, CompileOptions())


def picture(source: StreamFormat) -> tuple[Array, ...]:
    """Planes of noise around mid-gray."""
    rng = np.random.default_rng(0)
    shapes = source.layout.plane_shapes(source.width, source.height)
    return tuple(rng.integers(96, 160, shape, np.uint8) for shape in shapes)


def seconds(runner: Engine, inputs: tuple[Array, ...]) -> float:
    """Wall time of FRAMES frames, as many in flight as the engine takes."""
    started = time.perf_counter()
    tickets: deque[object] = deque()
    for _ in range(FRAMES):
        if len(tickets) == runner.spec.depth:
            runner.result(tickets.popleft())
        tickets.append(runner.submit(inputs))
    while tickets:
        runner.result(tickets.popleft())
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
