"""Chain: an ordered list of models, compiled for whatever stream comes along."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

from .assembly import Assembly, EngineOptions
from .engines.base import Engine
from .frame import Frame, VideoInfo
from .graph.planes import to_tensors
from .graph.stream import StreamFormat
from .link import make_links

_ENGINES_KEPT = 4


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
        pictures = [to_tensors(frame.planes, frame.layout) for frame in probe]
        return Assembly(self._links, self.options).engine(source, target, pictures)
