"""One engine for one row: built, timed, held against the reference; and the same engine again, from its bytes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..chain import Chain, stream_format
from ..engines.available import load_backend
from ..engines.backend import CompileOptions
from ..engines.base import Array, Engine
from ..engines.guard import Reference, verify
from ..engines.memory import available_memory, footprint
from ..errors import ConfigError, EngineError
from ..graph.frame_graph import FrameGraph, build_frame_graph
from ..graph.planes import to_tensors
from ..graph.stream import StreamFormat
from ..graph.workload import Workload, count_workload
from ..link import Link, make_links
from ..look import StyleOptions
from ..zoo.catalog import INT8
from .case import Case
from .footage import Footage

PROBES = 2
"""Frames an engine is held against the reference with."""


@dataclass(frozen=True, slots=True)
class Build:
    """An engine that has proved itself, in a form that can be sent to another process."""

    case: Case
    options: CompileOptions
    graph: FrameGraph
    blob: bytes
    """What the backend restores it from."""
    seconds: float
    """What building took, the accuracy guard left out."""
    psnr: float
    """dB, of the worst plane, against ONNX Runtime in fp32."""
    frame_seconds: float
    """What one frame takes, alone: an estimate to plan with."""
    workload: Workload
    scale: int
    quality: float | None
    """The model's PSNR-Y on Set5, dB, if it says."""

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """The engine again."""
        backend = load_backend(self.case.backend)
        with closing(backend.restore(self.blob, self.graph, self.case.precision, self.options)) as engine:
            yield engine


def build(case: Case, footage: Footage, options: CompileOptions, folder: Path) -> Build:
    """Build the engine of a row, without any cache, and hold it against the reference on the first frames.

    Args:
        case: what to build.
        footage: what it is built for.
        options: as `compile_options` gives them.
        folder: where results go, which has a say in their format.

    Raises:
        StreamsrError: the backend does not load or refuses, the model does not come in this precision, the pictures
            are wrong, or there is too little memory.
    """
    backend, (link,) = load_backend(case.backend), make_links([case.model])
    if case.precision == INT8 and not link.has_int8:
        raise ConfigError(f"{case.model} does not come in int8")
    streams = _streams(case.model, link, footage, folder)
    graph, resized = frame_graph(link, case.precision, *streams), partial(frame_graph, link, "fp32")
    if footprint(graph) > available_memory():
        raise EngineError(f"about {footprint(graph) >> 20} MB are needed, {available_memory() >> 20} MB are free")
    pictures = [to_tensors(frame.planes, frame.layout) for frame in footage.pictures(PROBES)]
    started = time.perf_counter()
    with closing(backend.build(graph, case.precision, options)) as engine:
        seconds = time.perf_counter() - started
        verdict = verify(engine, Reference(resized(*streams), lambda: pictures, resized))
        spec = link.model("fp32").spec
        return Build(
            case,
            options,
            graph,
            engine.export(),
            seconds,
            min(verdict.psnr),
            _frame_seconds(engine, pictures[0]),
            count_workload(graph),
            spec.scale,
            spec.metrics.get("set5_psnr"),
        )


def _streams(model: str, link: Link, footage: Footage, folder: Path) -> tuple[StreamFormat, StreamFormat]:
    """What the pipeline will want: the clip's format, and the nearest to the result's that the encoder takes."""
    with Chain(model, style=first_style(link)) as chain:
        target = footage.sink(folder).negotiate(chain.output_info(footage.info))
    return stream_format(footage.info), stream_format(target)


def compile_options(backend: str, device: str, threads: int | None = None) -> CompileOptions:
    """How every row of a backend is compiled: afresh."""
    return CompileOptions(backend=backend, device=device, threads=threads, cache=False)


class BuiltChain(Chain):
    """The chain of a build: the one engine it lends is already there, and stays its maker's."""

    def __init__(self, model: str, engine: Engine) -> None:
        """Lend `engine`, which was built of `model`."""
        (link,) = make_links([model])
        super().__init__(model, style=first_style(link))
        self._built = engine

    @contextmanager
    def engine(self, *_: Any, **__: Any) -> Iterator[Engine]:
        """The engine, whatever it is asked for: formats are those it was built for. See `Chain.engine`."""
        yield self._built


def frame_graph(link: Link, precision: str, source: StreamFormat, target: StreamFormat) -> FrameGraph:
    """What is built for a model: its frame graph; a stylizer's paints the first of its styles, unsmoothed."""
    style = first_style(link)
    look = style.looks(link.styles).fixed if style else None
    told = {0: look.tensors()} if look else {}
    return build_frame_graph([link.model(precision)], source, target.layout, target.color, conditions=told)


def first_style(link: Link) -> StyleOptions | None:
    """A stylizer paints its first style, unsmoothed; they all cost the same."""
    return StyleOptions(style=link.styles[0], smooth=0) if link.styles else None


def _frame_seconds(engine: Engine, picture: tuple[Array, ...]) -> float:
    """The better of two tries."""
    found = []
    for _ in range(2):
        started = time.perf_counter()
        engine.result(engine.submit(picture))
        found.append(time.perf_counter() - started)
    return min(found)
