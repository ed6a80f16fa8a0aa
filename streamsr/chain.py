"""Chain: an ordered list of models, compiled for whatever stream comes along."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Self

from .engines.autotile import Tiling, tile_plan
from .engines.available import native_precisions
from .engines.backend import CompileOptions
from .engines.base import Engine
from .engines.compile import Candidate, compile_engine
from .engines.guard import Frames
from .engines.tiles import TilePlan, plan_tiles
from .engines.tiling import TiledEngine, sample_tile
from .errors import ConfigError, UnknownNameError
from .frame import Frame, VideoInfo
from .graph.frame_graph import FrameGraph, build_frame_graph, overlap
from .graph.model import Model
from .graph.planes import to_tensors
from .graph.stream import StreamFormat
from .link import make_links

_FASTEST_FIRST = ("int8", "bf16", "fp32")
_ENGINES_KEPT = 4


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How frame graphs are compiled and run."""

    backend: str = "auto"
    """`openvino`, `onnxruntime`, …; `auto` takes the fastest that loads."""
    precision: str = "auto"
    """`fp32`, `bf16`, `int8`; `auto` takes the fastest that the processor computes natively and the guard accepts."""
    threads: int | None = None
    """CPU threads; None means all cores."""
    device: str = "CPU"
    """The backend's name of the device."""
    cache: bool = True
    """Keep compiled engines on disk."""
    tile: Tiling = "auto"
    """Edge of a tile in input pixels; `auto` tiles only what would not fit in memory; None never tiles."""

    def __post_init__(self) -> None:
        if self.precision not in ("auto", *_FASTEST_FIRST):
            raise UnknownNameError("precision", self.precision, ("auto", *_FASTEST_FIRST))


def stream_format(info: VideoInfo) -> StreamFormat:
    """What a frame graph must know of a stream."""
    return StreamFormat(info.width, info.height, info.layout, info.color)


class Chain:
    """Models in the order they are applied. Engines are compiled on first use and kept until `close`.

    Any number of runs may share a chain, from any threads: each borrows an engine of its own.
    """

    def __init__(self, *models: str | Path, options: EngineOptions | None = None, detail: float | None = None) -> None:
        """Resolve and load the models: names of the zoo or paths of ONNX files.

        Args:
            models: in the order they are applied.
            options: how they are compiled and run.
            detail: for models with an adversarial twin (`<name>-gan`), how far to go towards it: 0 is faithful, 1 the
                twin, in between the weights are mixed. None leaves every model as it is.

        Raises:
            UnknownNameError: no such model.
            ModelError: a file that is not a usable model.
            ConfigError: no model at all, or a `detail` out of range or for models without a twin.
        """
        self.options = options or EngineOptions()
        self._links = make_links([str(model) for model in models], detail)
        self._graphs: dict[tuple[tuple[Path, ...], StreamFormat, StreamFormat], FrameGraph] = {}
        self._idle: dict[tuple[StreamFormat, StreamFormat], Engine] = {}
        self._lock = threading.Lock()
        self._compiling = threading.Lock()
        self._closed = False
        self.name = "+".join(link.name for link in self._links)
        self.scale = math.prod(link.scale for link in self._links)
        """Output pixels per input pixel along each axis."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free every engine; one that is lent out is freed when it comes back. Idempotent."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, {}
        for engine in idle.values():
            engine.close()

    def output_info(self, info: VideoInfo) -> VideoInfo:
        """The stream that `info` becomes: larger, otherwise the same.

        A stream that leaves its colour matrix open is read as SD or HD by its height. Where upscaling would move it
        across that line, the matrix meant by the source is written down, or players would guess the other one.
        """
        width, height = info.width * self.scale, info.height * self.scale
        meant = info.color.resolved(info.layout, info.height).matrix
        guessed = info.color.resolved(info.layout, height).matrix
        color = info.color if meant == guessed else replace(info.color, matrix=meant)
        return replace(info, width=width, height=height, color=color)

    @contextmanager
    def engine(self, source: StreamFormat, target: StreamFormat, probe: Sequence[Frame]) -> Iterator[Engine]:
        """Lend an engine that turns frames of `source` into frames of `target`; nobody else has it meanwhile.

        Args:
            source: what comes in.
            target: what goes out: `scale` times the size, any layout and colour.
            probe: a few frames of the source, for checking an engine that is new.

        Raises:
            EngineError: nothing compiles, or nothing gives the right pictures.
            ConfigError: the models do not come in the precision asked for.
        """
        with self._lock:
            engine = self._idle.pop((source, target), None)
        if engine is None:
            with self._compiling:
                engine = self._compile(source, target, probe)
                self._graphs.clear()
        try:
            yield engine
        finally:
            self._take_back((source, target), engine)

    def _take_back(self, key: tuple[StreamFormat, StreamFormat], engine: Engine) -> None:
        """Keep an engine for the next run, and free the one that was used least recently if there are too many."""
        with self._lock:
            surplus = [engine]
            if not self._closed:
                surplus = [self._idle.pop(key)] if key in self._idle else []
                self._idle[key] = engine  # last used, last in the dictionary
                if len(self._idle) > _ENGINES_KEPT:
                    surplus.append(self._idle.pop(next(iter(self._idle))))
        for unwanted in surplus:
            unwanted.close()

    def _compile(self, source: StreamFormat, target: StreamFormat, probe: Sequence[Frame]) -> Engine:
        # resolved by the whole picture's height: a tile's would make SD of HD
        source = replace(source, color=source.color.resolved(source.layout, source.height))
        pictures = [to_tensors(frame.planes, frame.layout) for frame in probe]
        plan = self._tiles(source, target)
        if plan is None:
            return self._build(source, target, pictures)
        tile = replace(source, width=plan.width, height=plan.height)
        tile_target = replace(target, width=plan.width * self.scale, height=plan.height * self.scale)
        samples = [sample_tile(picture, source, plan) for picture in pictures]
        return TiledEngine(self._build(tile, tile_target, samples), plan, source, target)

    def _tiles(self, source: StreamFormat, target: StreamFormat) -> TilePlan | None:
        tile = self.options.tile
        if not isinstance(tile, int):
            return tile_plan(self._graph("fp32", source, target), tile)
        # planned without the graph of the whole picture, which a model of a fixed size does not have
        plan = plan_tiles(source.width, source.height, tile, *overlap(self._models("fp32"), source, target))
        return plan if len(plan) > 1 else None

    def _build(self, source: StreamFormat, target: StreamFormat, probe: Frames) -> Engine:
        options = CompileOptions(
            backend=self.options.backend,
            threads=self.options.threads,
            cache=self.options.cache,
            device=self.options.device,
        )
        candidates = [
            Candidate(precision, self._graph(precision, source, target), self.name)
            for precision in self._precisions(source)
        ]
        resized = partial(self._graph, "fp32")
        return compile_engine(candidates, resized(source, target), options, lambda: probe, resized)

    def _precisions(self, source: StreamFormat) -> list[str]:
        quantized = any(link.has_int8 for link in self._links)
        wanted = self.options.precision
        if wanted == "int8" and not quantized:
            raise ConfigError(f"{self.name} does not come in int8; use --precision auto, bf16 or fp32")
        if any(link.is_int8 for link in self._links) and wanted == "auto":
            return ["int8", "fp32"]  # asked for by name
        if wanted != "auto":
            return list(dict.fromkeys([wanted, "fp32"]))
        native = native_precisions(self.options.backend, self.options.device)
        # bfloat16 has 8 significant bits: too coarse to end in more than 8
        unfit = {"int8"} if not quantized else set()
        unfit |= {"bf16"} if source.layout.depth > 8 else set()
        return [precision for precision in _FASTEST_FIRST if precision in native and precision not in unfit]

    def _graph(self, precision: str, source: StreamFormat, target: StreamFormat) -> FrameGraph:
        key = tuple(link.path(precision) for link in self._links), source, target
        if key not in self._graphs:
            self._graphs[key] = build_frame_graph(self._models(precision), source, target.layout, target.color)
        return self._graphs[key]

    def _models(self, precision: str) -> list[Model]:
        return [link.model(precision) for link in self._links]
