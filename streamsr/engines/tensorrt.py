"""TensorRT, and TensorRT for RTX: frames on an NVIDIA GPU, several in flight, no torch anywhere."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import BuildError, ConfigError, DeviceMemoryError, EngineError, MismatchError
from ..residence import DevicePlane, DevicePlanes
from .backend import CompileOptions
from .base import Array, EngineSpec, Ticket, describe
from .cache import timings_path
from .cuda import CUDA, Driver, device_index, device_name, open_driver, require_gpu
from .plan import Flavour, PlanOptions, build_plan, load_flavour
from .plan_log import recorder, refusal
from .runner import Runner
from .tensorrt_contexts import Contexts, pack, unpack
from .tensorrt_lane import Lane
from .tensorrt_slots import Packings, Slot
from .tensorrt_surfaces import Surfaces

if TYPE_CHECKING:
    from ..graph.frame_graph import FrameGraph

log = logging.getLogger(__name__)

CONTEXTS = 2
"""Execution contexts of a stateless engine: while one computes, the other's frame is uploaded or downloaded."""

_PRECISIONS = ("fp32", "fp16", "int8")
_AMPERE = 8
"""The first generation that RTX plans are for unless told otherwise."""

Open = Callable[[int], Driver]
Planner = Callable[..., bytes]


class TensorRT:
    """The backends `tensorrt` and `tensorrt-rtx`, which differ in the library they load."""

    device = f"{CUDA}:0"
    tells_memory = True

    def __init__(
        self,
        flavour: Flavour,
        *,
        contexts: int = CONTEXTS,
        graphs: bool = True,
        module: ModuleType | None = None,
        drivers: Open | None = None,
        planner: Planner = build_plan,
    ) -> None:
        """Load the library and the driver.

        Args:
            flavour: which library.
            contexts: how many execution contexts a stateless engine gets, memory permitting.
            graphs: whether a frame's work is captured as a CUDA graph.
            module: the library, instead of the one that is installed.
            drivers: what opens a device, instead of `cuda.open_driver`.
            planner: what builds plans, as `plan.build_plan`.

        Raises:
            MissingDependencyError: the library, or cuda-bindings, is not installed.
            EngineError: there is no GPU or no driver.
        """
        self.name: str = flavour
        self._flavour: Flavour = flavour
        self._contexts, self._graphs = contexts, graphs
        self._drivers, self._planner = drivers or open_driver, planner
        self._trt = module or load_flavour(flavour)
        self.version: str = self._trt.__version__
        if drivers is None:
            require_gpu()

    def identity(self, device: str) -> str:
        """See `Backend.identity`. Plans are made for a model of GPU, not for its number."""
        driver = self._drivers(device_index(device))
        return f"{driver.name} ({driver.capability})"

    def precisions(self, device: str) -> tuple[str, ...]:
        """See `Backend.precisions`. int8 is for those who ask: a GPU gains little by it in networks so narrow."""
        device_index(device)
        return _PRECISIONS[:2]

    def build(self, graph: FrameGraph, precision: str, options: CompileOptions) -> TensorRTEngine:
        """See `Backend.build`; for fp16 the graph is turned into its half form, unless it is one already.

        Raises:
            DeviceMemoryError: the engine does not fit into the device's memory, not even with one context.
        """
        graph = self._typed(graph, precision)
        self._drivers(device_index(options.device)).activate()  # tactics are timed on the device that is current
        try:
            plan = self._planner(graph, self._flavour, self._plan_options(options))
        except ConfigError as error:  # of what was chosen here, nobody asked for it
            raise BuildError(str(error)) from error
        return self._engine(plan, graph, precision, options)

    def restore(self, blob: bytes, graph: FrameGraph, precision: str, options: CompileOptions) -> TensorRTEngine:
        """See `Backend.restore`; the blob is the plan and what was compiled from it."""
        plan, kernels = unpack(blob)
        return self._engine(plan, self._typed(graph, precision), precision, options, kernels)

    def _typed(self, graph: FrameGraph, precision: str) -> FrameGraph:
        """The graph with its precision written into it; what is not in 8 bits of an int8 chain is in 16."""
        if precision not in _PRECISIONS:
            raise BuildError(f"{self.name} has no precision {precision!r} (there are: {', '.join(_PRECISIONS)})")
        if precision == "fp32":
            return graph
        from ..graph.precision import half

        return half(graph)

    def _plan_options(self, options: CompileOptions) -> PlanOptions:
        if self._flavour == "tensorrt-rtx":
            capability = self._drivers(device_index(options.device)).capability
            old = int(capability.partition(".")[0]) < _AMPERE
            return PlanOptions(capabilities=(capability,) if old else ())
        identity = self.identity(options.device)
        return PlanOptions(timing_cache=timings_path(self.version, identity) if options.cache else None)

    def _engine(
        self, plan: bytes, graph: FrameGraph, precision: str, options: CompileOptions, kernels: bytes = b""
    ) -> TensorRTEngine:
        # one more than run: the next frame waits on the device
        spec = describe(graph, backend=self.name, precision=precision, device=options.device, depth=self._contexts + 1)
        driver = self._drivers(device_index(options.device))
        driver.activate()
        said = recorder(self._trt)
        said.begin()
        runtime = self._trt.Runtime(said)
        engine = runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise refusal(f"{self.name} does not load the plan", said.complaints())
        packings = Packings.of(spec)
        surfaces = Surfaces(driver, device_name(device_index(options.device)), spec.outputs)
        contexts = Contexts(engine, kernels, compiles=self._flavour == "tensorrt-rtx")

        def lane() -> Lane:
            context = contexts.make()
            if context is None:
                raise refusal(f"{self.name} makes no execution context", said.complaints())
            return Lane(context, driver, packings, surfaces, said, spec.depth, graphs=self._graphs)

        lanes = _as_many(lane, 1 if spec.state else self._contexts)
        depth = 1 if spec.state else len(lanes) + 1
        return TensorRTEngine(_Loaded(plan, contexts, runtime, driver, lanes, surfaces), replace(spec, depth=depth))


def tensorrt() -> TensorRT:
    """The backend `tensorrt`."""
    return TensorRT("tensorrt")


def tensorrt_rtx() -> TensorRT:
    """The backend `tensorrt-rtx`."""
    return TensorRT("tensorrt-rtx")


def _as_many(make: Callable[[], Lane], count: int) -> list[Lane]:
    """Up to `count` lanes: as many as memory holds, at least one.

    Raises:
        DeviceMemoryError: not even one fits.
        BuildError: one does not run.
    """
    lanes: list[Lane] = []
    try:
        while len(lanes) < count:
            lanes.append(make())
    except DeviceMemoryError as error:
        if not lanes:
            raise
        done = len(lanes), count, str(error)  # a record that kept the error would keep the context in its traceback
        log.warning("device memory is enough for %d of %d contexts, which is slower: %s", *done)
    except BaseException as error:
        _close(lanes)
        if isinstance(error, EngineError):
            raise BuildError(f"the plan loads, but does not run: {error}") from error
        raise
    return lanes


def _close(parts: Iterable[Lane | Surfaces]) -> None:
    for part in parts:
        part.close()


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A plan on a device."""

    plan: bytes
    contexts: Contexts
    runtime: Any
    """TensorRT's, which must outlive the contexts."""
    driver: Driver
    lanes: list[Lane]
    surfaces: Surfaces


@dataclass(frozen=True, slots=True)
class _Job:
    lane: Lane
    slot: Slot


class TensorRTEngine(Runner[_Job]):
    """Frames in turn through the lanes of a plan."""

    def __init__(self, loaded: _Loaded, spec: EngineSpec) -> None:
        super().__init__(spec)
        self._loaded: _Loaded | None = loaded
        self._turn = 0
        # also when nobody closes the engine: the device must not write into memory that is freed
        self._free = weakref.finalize(self, _close, (*loaded.lanes, loaded.surfaces))
        self.home = device_name(device_index(spec.device))
        """See `DeviceEngine.home`."""

    def export(self) -> bytes:
        """See `CompiledEngine.export`."""
        assert self._loaded is not None
        return pack(self._loaded.plan, self._loaded.contexts.kernels())

    def device_seconds(self, frames: int) -> float:
        """How long the network alone takes for so many frames, one after another, by the device's clock.

        Raises:
            EngineError: it does not run.
        """
        assert self._loaded is not None
        self._loaded.driver.activate()
        return self._loaded.lanes[0].device_seconds(frames)

    def submit_planes(self, inputs: Sequence[Array | DevicePlane], *, stay: bool) -> Ticket:
        """See `DeviceEngine.submit_planes`."""
        count = len(self.spec.inputs) - len(self.spec.controls)
        where = [given.device if isinstance(given, DevicePlane) else None for given in inputs]
        if set(where[:count]) not in ({None}, {self.home}) or any(where[count:]):
            raise MismatchError(f"planes are all on the host or all on {self.home}, controls on the host: {where}")
        return self._admit(inputs, partial(self._start, inputs, stay=stay))

    def planes(self, ticket: Ticket) -> DevicePlanes:
        """See `DeviceEngine.planes`."""
        planes = self._landed(self._redeem(ticket))
        if not isinstance(planes, DevicePlanes):
            raise EngineError("the result of this frame was not to stay on the device: it is for `result`")
        return planes

    def _start(self, inputs: Sequence[Array | DevicePlane], fresh: bool, *, stay: bool = False) -> _Job:
        assert self._loaded is not None
        self._loaded.driver.activate()
        lane = self._loaded.lanes[self._turn % len(self._loaded.lanes)]
        self._turn += 1
        try:
            return _Job(lane, lane.start(inputs, fresh, stay=stay))
        except EngineError as error:
            kind = DeviceMemoryError if isinstance(error, DeviceMemoryError) else EngineError
            raise kind(f"{self.spec.backend} failed to start a frame: {error}") from error

    def _finish(self, job: _Job) -> tuple[Array, ...]:
        planes = self._landed(job)
        if isinstance(planes, DevicePlanes):
            raise EngineError("the result of this frame stays on the device: it is for `planes`")
        return planes

    def _landed(self, job: _Job) -> tuple[Array, ...] | DevicePlanes:
        assert self._loaded is not None
        self._loaded.driver.activate()
        try:
            return job.lane.finish(job.slot)
        except EngineError as error:
            raise EngineError(f"{self.spec.backend} failed on a frame: {error}") from error

    def _release(self, pending: Sequence[_Job]) -> None:  # noqa: ARG002 - lanes wait for their frames themselves
        self._free()
        self._loaded = None
