"""What a backend is: a runtime that turns a frame graph into an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..errors import ConfigError, DeviceMemoryError, EngineError
from .base import Engine

if TYPE_CHECKING:
    from ..graph.frame_graph import FrameGraph

AUTO = "auto"
"""Instead of a backend's name: the fastest that loads; instead of a device's: the one the backend is for."""

CPU = "CPU"
"""What the processor is called as a device."""

THREADS_MAX = 1024

_NO_MEMORY = (
    "out of memory",
    "allocate memory",
    "out_of_resources",
    "allocation_failure",
    "exceeded max size of memory",
)
"""What runtimes that tell no codes say of a GPU whose memory is too small."""


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """How to compile, whatever the model."""

    backend: str = AUTO
    """A backend's name, or `auto`."""
    threads: int | None = None
    """CPU threads of the engine; None lets the backend use every core."""
    cache: bool = True
    """Whether compiled engines are kept on disk."""
    device: str = CPU
    """The backend's name of the device: `CPU`, `GPU.0`, `cuda:1`, …; `auto` only where no backend is named yet."""

    def __post_init__(self) -> None:
        if self.threads is not None and not 1 <= self.threads <= THREADS_MAX:
            raise ConfigError(f"threads is {self.threads}, not within 1..{THREADS_MAX}")


def failure(kind: type[EngineError], text: str, device: str) -> EngineError:
    """The error for what a runtime says of a device: `kind`, unless its words are those of too little memory there."""
    short = device != CPU and any(words in text.lower() for words in _NO_MEMORY)
    return DeviceMemoryError(text) if short else kind(text)


class CompiledEngine(Engine, Protocol):
    """An engine that a backend has just built or restored."""

    def export(self) -> bytes:
        """What `Backend.restore` needs to have it again faster; empty when nothing makes it faster."""
        ...


class Backend(Protocol):
    """A runtime that compiles frame graphs. Its module imports the runtime, so loading it is the test for it."""

    @property
    def name(self) -> str:
        """Its name in the registry."""
        ...

    @property
    def version(self) -> str:
        """The runtime's version, as exact as it tells."""
        ...

    @property
    def device(self) -> str:
        """The device it is for, unless told otherwise."""
        ...

    @property
    def tells_memory(self) -> bool:
        """Whether `build` knows what does not fit into the device's memory; else the host's stands for it."""
        ...

    def identity(self, device: str) -> str:
        """What a compiled engine depends on besides graph and version: the device's name and abilities.

        Raises:
            ConfigError: no such device.
        """
        ...

    def precisions(self, device: str) -> tuple[str, ...]:
        """Precisions the device computes natively, most exact first; `fp32` is always one of them."""
        ...

    def build(self, graph: FrameGraph, precision: str, options: CompileOptions) -> CompiledEngine:
        """Compile.

        Raises:
            BuildError: the backend refuses the graph or the precision.
            DeviceMemoryError: the device has too little memory for these pictures.
        """
        ...

    def restore(self, blob: bytes, graph: FrameGraph, precision: str, options: CompileOptions) -> CompiledEngine:
        """The engine whose `export` gave `blob`; the other arguments as they were for `build`.

        Raises:
            BuildError: the blob does not load.
        """
        ...
