"""What the machine can do at best: the rate of a big matrix product in a precision, and of copying memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import repeat
from math import sqrt

import numpy as np
from onnx import TensorProto

from ..color import Color
from ..engines.available import load_backend
from ..engines.backend import CPU, CompileOptions
from ..engines.cuda import CUDA, device_index, open_driver
from ..engines.runner import stream
from ..errors import EngineError
from ..graph.builder import GraphBuilder, Tensor
from ..graph.frame_graph import FrameGraph
from ..graph.stream import StreamFormat
from ..graph.workload import Workload, count_workload
from ..layout import pixel_layout
from ..zoo.catalog import INT8
from .device import device_seconds

CPU_EDGE, GPU_EDGE = 768, 4096
"""Rows and columns of the matrices: large enough to be computed at full rate."""
PRODUCTS = 3
"""One after the other in a frame, so that what goes in and comes out counts for little."""
GPU_REPEATS = 16
"""A GPU does more at a time, so that its start and end count for little."""
TRIES = 2
COPY_BYTES = 128 << 20
"""Larger than any cache."""


@dataclass(frozen=True, slots=True)
class Peaks:
    """The best that was measured on one device through one backend."""

    flops: Mapping[str, float] = field(default_factory=dict)
    """Operations per second of a matrix product, two per multiply-accumulate, by precision."""
    copy: float | None = None
    """Bytes per second that are read or written while memory is copied; a copied byte counts twice."""

    def matrix_seconds(self, work: Workload, precision: str) -> float | None:
        """The least time for the convolutions and matrix products of a frame; None if no rate is known.

        In an int8 graph, what is not quantized is computed in fp32.
        """
        real = self.flops.get("fp32" if precision == INT8 else precision)
        if real is None or (work.int8_macs and INT8 not in self.flops):
            return None
        coded = 2 * work.int8_macs / self.flops[INT8] if work.int8_macs else 0.0
        return 2 * work.macs / real + coded

    def copy_seconds(self, work: Workload, precision: str) -> float | None:
        """The least time to read what a frame is made of and to write the result; None if no rate is known."""
        return None if self.copy is None else work.least_bytes(precision) / self.copy

    def floor_seconds(self, work: Workload, precision: str) -> float | None:
        """The least time of a frame: the longer of the two, which could overlap (the roofline of Williams et al. 2009).

        A convolution may be faster than the matrix product it stands for (by Winograd's algorithm): then this is no
        strict bound, and a share of it may exceed 1.
        """
        known = [each for each in (self.matrix_seconds(work, precision), self.copy_seconds(work, precision)) if each]
        return max(known, default=None)


def matrix_rate(precision: str, options: CompileOptions) -> float:
    """Operations per second of a chain of square matrix products on one backend, at best.

    Raises:
        StreamsrError: the backend does not load, or refuses the precision.
    """
    edge, repeats = (GPU_EDGE, GPU_REPEATS) if options.device.startswith(CUDA) else (CPU_EDGE, 1)
    graph = matrix_graph(edge, precision)
    with closing(load_backend(options.backend).build(graph, precision, options)) as engine:
        frames = engine.spec.depth * repeats
        picture = (np.full(engine.spec.inputs[0].shape, 128, np.uint8),)

        def run() -> None:
            for _ in stream(engine, repeat(picture, frames)):
                pass

        run()
        seconds = device_seconds(engine, frames) or _best(run)
    return count_workload(graph).flops * frames / seconds


def copy_rate(device: str) -> float:
    """Bytes per second read or written while a big block of the device's memory is copied, at best.

    Raises:
        StreamsrError: the device cannot be used, or nobody here knows how.
    """
    if device.startswith(CUDA):
        return _cuda_copy_rate(device_index(device))
    if device != CPU:
        raise EngineError(f"there is no measure of it for {device}")
    return _cpu_copy_rate()


def matrix_graph(edge: int, precision: str) -> FrameGraph:
    """A frame graph whose work is `PRODUCTS` products of `edge` x `edge` matrices; hardly anything goes in or out."""
    b = GraphBuilder()
    row = b.cast(b.input("plane.0", (1, edge)), TensorProto.FLOAT)
    column = np.random.default_rng(0).uniform(-1, 1, (edge, 1))
    x = b.node("Mul", [b.affine(row, 1 / 128, 0).name, b.const(column)], (edge, edge))
    weights = np.random.default_rng(1).normal(0, 1 / sqrt(edge), (edge, edge))
    for _ in range(PRODUCTS):
        x = _product(b, x, weights, coded=precision == INT8)
    b.output("out.0", b.node("ReduceMax", [x.name], (1, 1), keepdims=1))
    gray = StreamFormat(edge, 1, pixel_layout("gray"), Color())
    return FrameGraph(b.finish("matrix products"), gray, gray, halo=0, align=1)


def _product(b: GraphBuilder, x: Tensor, weights: np.ndarray, *, coded: bool) -> Tensor:
    """`x @ weights`; of 8-bit codes, as quantized models have them, where `coded`."""
    if not coded:
        return b.node("MatMul", [x.name, b.const(weights)], x.shape)
    coding = [b.const(1 / 32), b.const(128, np.uint8)]
    codes = b.node("QuantizeLinear", [x.name, *coding], x.shape)
    real = b.node("DequantizeLinear", [codes.name, *coding], x.shape)
    scale = float(np.abs(weights).max()) / 127
    kernel = [b.const(np.rint(weights / scale), np.int8), b.const(scale), b.const(0, np.int8)]
    return b.node("MatMul", [real.name, b.node("DequantizeLinear", kernel, x.shape).name], x.shape)


def _cpu_copy_rate() -> float:
    """All cores, each its own block: numpy lets go of the interpreter's lock while it copies."""
    threads = os.cpu_count() or 1
    blocks = [np.ones(COPY_BYTES // threads, np.uint8) for _ in range(2 * threads)]
    with ThreadPoolExecutor(threads) as pool:
        seconds = _best(lambda: list(pool.map(np.copyto, blocks[:threads], blocks[threads:])))
    return 2 * blocks[0].nbytes * threads / seconds


def _cuda_copy_rate(index: int) -> float:
    driver = open_driver(index)
    driver.activate()
    queue, here, there = driver.stream(), driver.alloc(COPY_BYTES), driver.alloc(COPY_BYTES)

    def run() -> None:
        for _ in range(GPU_REPEATS):
            driver.copy(there, here, COPY_BYTES, queue)
        driver.synchronize(queue)

    try:
        return 2 * COPY_BYTES * GPU_REPEATS / _best(run)
    finally:
        for block in (here, there):
            driver.free(block)
        driver.free_stream(queue)


def _best(run: Callable[[], object]) -> float:
    """Seconds of the fastest try, after one that does not count."""
    run()
    found = []
    for _ in range(TRIES):
        started = time.perf_counter()
        run()
        found.append(time.perf_counter() - started)
    return min(found)
