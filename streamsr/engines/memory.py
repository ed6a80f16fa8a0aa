"""How much memory a frame graph needs, and how much there is: estimates good enough to decide about tiling."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import onnx

from ..graph.frame_graph import FrameGraph

_FLOAT_BYTES = 4
_LIVE_TENSORS = 3
"""Tensors of the largest size alive at once: a convolution's input and output, and what skips over it."""

_STREAMS_MAX = 8
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_ASSUMED = 4 << 30
"""Bytes taken to be free on systems that do not tell."""


def footprint(graph: FrameGraph) -> int:
    """Bytes a stateless engine of this graph will need to run on every core, to within a factor of two or so.

    Throughput engines run one frame per group of cores, each with tensors of its own.
    """
    streams = min(_STREAMS_MAX, os.cpu_count() or 1)
    return _FLOAT_BYTES * _LIVE_TENSORS * streams * max(_tensor_sizes(graph.proto), default=0)


def _tensor_sizes(proto: onnx.ModelProto) -> Iterator[int]:
    """Elements of every intermediate tensor whose shape follows from the graph."""
    for value in onnx.shape_inference.infer_shapes(proto).graph.value_info:
        yield math.prod(dim.dim_value for dim in value.type.tensor_type.shape.dim)


def available_memory() -> int:
    """Bytes this process may still take: what the system has, within what its container is given."""
    return min(_system_memory(), _container_memory())


def _system_memory() -> int:
    try:
        lines = _MEMINFO.read_text("ascii").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    except (OSError, ValueError, StopIteration):
        return _physical_memory() // 2


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return 2 * _ASSUMED


def _container_memory() -> int:
    try:
        limit = int((_CGROUP / "memory.max").read_text("ascii"))
        return max(0, limit - int((_CGROUP / "memory.current").read_text("ascii")))
    except (OSError, ValueError):  # no container, or no limit: the file says `max`
        return sys.maxsize
