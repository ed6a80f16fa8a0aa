"""Links of a chain as one engine: the precisions to try, the tiles, and what is compiled."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from .engines.autotile import Tiling, finer_plan, tile_plan
from .engines.available import load_backend
from .engines.backend import AUTO, CompileOptions
from .engines.base import Engine
from .engines.compile import Candidate, compile_engine
from .engines.guard import Frames
from .engines.tiles import TilePlan, plan_tiles
from .engines.tiling import TiledEngine, sample_tile
from .errors import ConfigError, DeviceMemoryError, UnknownNameError
from .graph.frame_graph import FrameGraph, build_frame_graph, overlap
from .graph.model import Model
from .graph.stream import StreamFormat
from .link import Link
from .look import Look

log = logging.getLogger(__name__)

_FASTEST_FIRST = ("int8", "fp16", "bf16", "fp32")

_DEPTHS = {"bf16": 8, "fp16": 10}
"""Bits of a sample up to which a precision is fit for it: it has 8 and 11 significant bits itself."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How frame graphs are compiled and run."""

    backend: str = "auto"
    """`tensorrt`, `openvino`, `onnxruntime`, …; `auto` takes the fastest that loads."""
    precision: str = "auto"
    """`fp32`, `fp16`, `bf16`, `int8`; `auto` takes the fastest of the device's own that the guard accepts."""
    threads: int | None = None
    """CPU threads; None means all cores."""
    device: str = AUTO
    """The backend's name of the device: `CPU`, `GPU`, `cuda:1`, `directml`, …; `auto` is the one the backend is for."""
    devices: tuple[str, ...] = ()
    """Instead of `device`: several, that the frames of a video are dealt to; `("cuda:0", "cuda:1")`."""
    cache: bool = True
    """Keep compiled engines on disk."""
    tile: Tiling = "auto"
    """Edge of a tile in input pixels; `auto` tiles only what would not fit in memory; None never tiles."""

    def __post_init__(self) -> None:
        if self.precision not in ("auto", *_FASTEST_FIRST):
            raise UnknownNameError("precision", self.precision, ("auto", *_FASTEST_FIRST))
        if self.devices:
            _check_devices(self.device, self.devices)


def _check_devices(device: str, devices: Sequence[str]) -> None:
    """See that several devices are just that, before anything is compiled for the first."""
    if device != AUTO:
        raise ConfigError(f"device is {device} and devices are {', '.join(devices)}: leave one of them out")
    if not isinstance(devices, tuple) or not all(devices) or AUTO in devices:
        raise ConfigError(f"devices are named one by one, such as cuda:0 and cuda:1; got {devices!r}")
    seen: dict[tuple[str, str], str] = {}
    for name in devices:
        family, _, number = name.lower().replace(".", ":").partition(":")
        place = family, number.lstrip("0")  # GPU is GPU.0, and cuda is cuda:0
        if place in seen:
            raise ConfigError(f"{seen[place]} and {name} are one and the same device: leave one of them out")
        seen[place] = name


class Assembly:
    """Links that become one frame graph. Without any link it only converts."""

    def __init__(
        self, links: Sequence[Link], options: EngineOptions, look: Look | None = None, smooth: float = 0.0
    ) -> None:
        """Make one engine of `links`.

        Args:
            links: models in the order they are applied.
            options: how the graph is compiled and run: by a backend that is named, `auto` is decided before.
            look: what a stylizer among them paints, made part of its weights; None: it is told with each frame.
            smooth: how much the graph smooths what comes out of the stylizer, 0 to 0.95.
        """
        self._links = links
        self._options = options
        self._backend = load_backend(options.backend)
        self._device = self._backend.device if options.device == AUTO else options.device
        self._look, self._smooth = look, smooth
        self._graphs: dict[tuple[tuple[Path, ...], StreamFormat, StreamFormat], FrameGraph] = {}
        self.name = "+".join(link.name for link in links) or "convert"
        self.scale = math.prod(link.scale for link in links)
        """Output pixels per input pixel along each axis."""

    def engine(self, source: StreamFormat, target: StreamFormat, probe: Frames) -> Engine:
        """Compile an engine that turns pictures of `source` into pictures of `target`, or fetch it from the cache.

        Args:
            source: what comes in.
            target: what goes out: `scale` times the size, any layout and colour.
            probe: tensors of a few pictures of the source, for checking an engine that is new.

        Raises:
            EngineError: nothing compiles, or nothing gives the right pictures.
            DeviceMemoryError: the device has too little memory, even for tiles.
        """
        # resolved by the whole picture's height: a tile's would make SD of HD
        source = replace(source, color=source.color.resolved(source.layout, source.height))
        plan = self._tiles(source, target)
        while True:
            try:
                return self._planned(plan, source, target, probe)
            except DeviceMemoryError as error:
                plan = self._finer(plan, source, target, error)
                log.warning("%s does not fit into the device's memory: computing tiles of %d", source, plan.width)

    def _planned(self, plan: TilePlan | None, source: StreamFormat, target: StreamFormat, probe: Frames) -> Engine:
        if plan is None:
            return self._build(source, target, probe)
        tile = replace(source, width=plan.width, height=plan.height)
        tile_target = replace(target, width=plan.width * self.scale, height=plan.height * self.scale)
        samples = [sample_tile(picture, source, plan) for picture in probe]
        return TiledEngine(self._build(tile, tile_target, samples), plan, source, target)

    def _tiles(self, source: StreamFormat, target: StreamFormat) -> TilePlan | None:
        tile = self._options.tile
        if self._smooth:
            if isinstance(tile, int):
                raise ConfigError("the graph smooths whole pictures: use --smooth-backend host, or --tile none")
            return None
        if not isinstance(tile, int):
            if tile is None or self._backend.tells_memory:
                return None  # what fits, trying tells
            return tile_plan(self._graph("fp32", source, target), tile)
        # planned without the graph of the whole picture, which a model of a fixed size does not have
        plan = plan_tiles(source.width, source.height, tile, *overlap(self._models("fp32"), source, target))
        return plan if len(plan) > 1 else None

    def _finer(
        self, plan: TilePlan | None, source: StreamFormat, target: StreamFormat, error: DeviceMemoryError
    ) -> TilePlan:
        """Smaller tiles than those that did not fit; the error, where there are none."""
        models = self._models("fp32")
        whole = self._options.tile != "auto" or self._smooth or any(model.spec.state for model in models)
        overlaps = overlap(models, source, target)
        finer = None if whole else finer_plan(source.width, source.height, plan, *overlaps)
        if finer is None:
            hint = "use --tile auto" if self._options.tile != "auto" else "free some of it, or use --backend openvino"
            raise DeviceMemoryError(f"{self.name} does not fit into the device's memory, {hint}: {error}") from error
        return finer

    def _build(self, source: StreamFormat, target: StreamFormat, probe: Frames) -> Engine:
        options = CompileOptions(
            backend=self._backend.name,
            threads=self._options.threads,
            cache=self._options.cache,
            device=self._device,
        )
        candidates = [
            Candidate(precision, self._graph(precision, source, target), self.name)
            for precision in self._precisions(source)
        ]
        resized = partial(self._graph, "fp32")
        return compile_engine(candidates, resized(source, target), options, lambda: probe, resized)

    def _precisions(self, source: StreamFormat) -> list[str]:
        wanted = self._options.precision
        native = self._backend.precisions(self._device)
        if self._smooth:
            return self._smoothing_precisions(native)
        quantized = any(link.has_int8 for link in self._links)
        if wanted == "int8" and not quantized:
            wanted = "auto"  # another part of the chain comes in it
        if any(link.is_int8 for link in self._links) and wanted == "auto":
            return ["int8", "fp32"]  # asked for by name
        if wanted != "auto":
            return list(dict.fromkeys([wanted, "fp32"]))
        unfit = {precision for precision, depth in _DEPTHS.items() if source.layout.depth > depth}
        unfit |= {"int8"} if not quantized else set()
        return [precision for precision in _FASTEST_FIRST if precision in native and precision not in unfit]

    def _smoothing_precisions(self, native: Sequence[str]) -> list[str]:
        """What engines round where they see fit, flow does not survive; the fp16 form leaves flow alone."""
        wanted = self._options.precision
        if wanted in ("auto", "fp16") and "fp16" in native:
            return ["fp16", "fp32"]
        if wanted not in ("auto", "fp32"):
            log.warning("smoothing in the graph is computed in fp32, not %s", wanted)
        return ["fp32"]

    def _graph(self, precision: str, source: StreamFormat, target: StreamFormat) -> FrameGraph:
        key = tuple(link.path(precision) for link in self._links), source, target
        if key not in self._graphs:
            models = self._models(precision)
            told = {i: self._look.tensors() for i, model in enumerate(models) if self._look and model.spec.conditioning}
            self._graphs[key] = build_frame_graph(
                models, source, target.layout, target.color, conditions=told, smooth=self._smooth
            )
        return self._graphs[key]

    def _models(self, precision: str) -> list[Model]:
        return [link.model(precision) for link in self._links]
