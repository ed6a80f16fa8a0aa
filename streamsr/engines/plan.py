"""Frame graphs to TensorRT plans: one function for both flavours. For RTX, neither GPU nor driver is needed.

The two have the same Python interface and differ in what a plan is. TensorRT times kernels on the GPU at hand, and its
plan is for that one. TensorRT for RTX compiles for a family of GPUs on any machine, and picks kernels when it runs.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from ..errors import BuildError, ConfigError, MissingDependencyError

if TYPE_CHECKING:
    import onnx

    from ..graph.frame_graph import FrameGraph
    from .plan_layers import Layer

Flavour = Literal["tensorrt", "tensorrt-rtx"]
FLAVOURS: tuple[Flavour, ...] = ("tensorrt", "tensorrt-rtx")

Shape = tuple[int, ...]
Profile = Mapping[str, tuple[Shape, Shape, Shape]]
"""For every input of a graph with free dimensions: the smallest shape, the one to be fastest at, and the largest."""

OnProgress = Callable[[str, int, int], None]
"""What the builder is at: the phase, the steps of it that are done, and how many there are."""

LEVEL_MAX = 5

_MODULES: dict[Flavour, tuple[str, ...]] = {
    "tensorrt": ("tensorrt",),
    "tensorrt-rtx": ("tensorrt_rtx", "tensorrt_rtx_bindings"),
}
_CAPABILITY = re.compile(r"\d+\.\d")


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How plans are built, whatever the graph."""

    level: int = 3
    """Effort, 0 to 5: from 3 on, more means longer builds and perhaps faster plans."""
    workspace: int | None = None
    """Bytes of device memory that a layer may use for itself; None leaves it to the builder."""
    timing_cache: Path | None = None
    """File of kernels' timings, made if it is not there. TensorRT for RTX times nothing and ignores it."""
    capabilities: tuple[str, ...] = ()
    """Compute capabilities to build for, `("8.9", "12.0")`; none means every RTX GPU from Ampere on. RTX only."""
    portable: bool = False
    """A plan for later versions too, and for every GPU from Ampere on; slower. TensorRT only: plans for RTX are for any
    such GPU as they are, and for the version that built them always."""
    detailed: bool = False
    """Whether the plan tells about its layers; it grows a little."""

    def __post_init__(self) -> None:
        if not 0 <= self.level <= LEVEL_MAX:
            raise ConfigError(f"the optimization level is {self.level}, not within 0..{LEVEL_MAX}")
        if self.workspace is not None and self.workspace <= 0:
            raise ConfigError(f"a workspace of {self.workspace} bytes is none")
        for capability in self.capabilities:
            if not _CAPABILITY.fullmatch(capability):
                raise ConfigError(f"{capability!r} is not a compute capability; write it as 8.9")


def load_flavour(flavour: Flavour) -> ModuleType:
    """The library's Python module.

    Raises:
        MissingDependencyError: it is not installed.
    """
    for name in _MODULES[flavour]:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise MissingDependencyError(_MODULES[flavour][-1], flavour, f"building plans for {flavour}")


def build_plan(
    graph: FrameGraph | onnx.ModelProto,
    flavour: Flavour,
    options: PlanOptions | None = None,
    profiles: Sequence[Profile] | None = None,
    progress: OnProgress | None = None,
    layers: Callable[[tuple[Layer, ...]], None] | None = None,
) -> bytes:
    """Compile a graph.

    Args:
        graph: a frame graph, its precision written into it (`graph.precision.half`); codes of 8 bits become symmetric.
        flavour: which library.
        options: how it is built.
        profiles: where the graph's inputs have free dimensions, the sizes it is built for.
        progress: told what the builder is at, in this thread. What it raises ends the build, as Ctrl-C does.
        layers: told what the plan consists of, where the builder says so: TensorRT for RTX does. `plan_layers.inspect`
            reads it off a plan where there is a GPU.

    Raises:
        BuildError: the graph breaks a rule of TensorRT's, or its parser or its builder refuses it; the message names
            the node or layer.
        DeviceMemoryError: a GPU is out of memory.
        ConfigError: an option that this flavour does not know.
        MissingDependencyError: the library is not installed.
    """
    from .plan_build import Build

    return Build(load_flavour(flavour), flavour, options or PlanOptions()).plan(
        _prepared(graph), profiles or (), progress, layers
    )


def _prepared(graph: FrameGraph | onnx.ModelProto) -> onnx.ModelProto:
    """The graph in the form that TensorRT takes."""
    from ..graph.tensorrt_form import tensorrt_form
    from ..graph.tensorrt_rules import violations

    proto: Any = getattr(graph, "proto", graph)
    form = tensorrt_form(proto)
    broken = [str(violation) for violation in violations(form)]
    if broken:
        more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
        raise BuildError(f"TensorRT cannot compile this graph: {broken[0]}{more}")
    return form
