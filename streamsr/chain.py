"""Chain: an ordered list of models, compiled for whatever stream comes along."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

from .assembly import Assembly, EngineOptions
from .engines.available import home_of
from .engines.backend import CPU, Backend
from .engines.base import Engine
from .engines.compile import first_engine
from .engines.cuda import device_index, share_context
from .engines.fleet import build_fleet
from .engines.guard import Frames
from .engines.runner import stream
from .errors import BuildError, ConfigError, VerificationError
from .frame import Frame, VideoInfo
from .graph.planes import to_tensors
from .graph.stream import StreamFormat
from .link import Link, make_links
from .look import Schedule, StyleOptions
from .smoothing import SmoothedEngine, styled_format

_ENGINES_KEPT = 4

_Key = tuple[StreamFormat, StreamFormat, bool]
"""What an engine was made for: source, target, and whether it is for a single picture."""


def stream_format(info: VideoInfo) -> StreamFormat:
    """What a frame graph must know of a stream."""
    return StreamFormat(info.width, info.height, info.layout, info.color)


class Chain:
    """Models in the order they are applied. Engines are compiled on first use and kept until `close`.

    Any number of runs may share a chain, from any threads: each borrows an engine of its own.
    """

    def __init__(
        self,
        *models: str | Path,
        options: EngineOptions | None = None,
        detail: float | None = None,
        style: StyleOptions | None = None,
    ) -> None:
        """Resolve and load the models: names of the zoo or paths of ONNX files.

        Args:
            models: in the order they are applied.
            options: how they are compiled and run.
            detail: for models with an adversarial twin (`<name>-gan`), how far to go towards it: 0 is faithful, 1 the
                twin, in between the weights are mixed. None leaves every model as it is.
            style: what the stylizer among the models paints, and how much what comes out of it is smoothed.

        Raises:
            UnknownNameError: no such model or style.
            ModelError: a file that is not a usable model.
            ConfigError: no model at all, a `detail` out of range or for models without a twin, a stylizer that is not
                told what to paint, a style without a stylizer, or several devices for frames that depend on each other.
        """
        self.options = options or EngineOptions()
        self._links = make_links([str(model) for model in models], detail)
        self._style = style
        self._schedule = _schedule(self._links, style)
        self._split = 1 + max((i for i, link in enumerate(self._links) if link.stylizes), default=-1)
        if style and style.smooth and any(link.scale > 1 for link in self._links[: self._split]):
            raise ConfigError("what is smoothed is as large as the input: put models that enlarge after the stylizer")
        if len(self.options.devices) > 1:
            _check_independent(self._links, style)
        self._idle: dict[_Key, Engine] = {}
        self._lock = threading.Lock()
        self._compiling = threading.Lock()
        self._closed = False
        self.name = "+".join(link.name for link in self._links)
        self.scale = math.prod(link.scale for link in self._links)
        """Output pixels per input pixel along each axis."""
        self.looks = None if self._schedule is None or self._schedule.fixed else self._schedule
        """What its engines are to be told with every frame, after the planes; None: they take planes alone."""

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
        """The stream that `info` becomes: larger, on the host, otherwise the same.

        A stream that leaves its colour matrix open is read as SD or HD by its height. Where upscaling would move it
        across that line, the matrix meant by the source is written down, or players would guess the other one.
        """
        width, height = info.width * self.scale, info.height * self.scale
        meant = info.color.resolved(info.layout, info.height).matrix
        guessed = info.color.resolved(info.layout, height).matrix
        color = info.color if meant == guessed else replace(info.color, matrix=meant)
        return replace(info, width=width, height=height, color=color, device=None)

    @property
    def home(self) -> str | None:
        """The device on which its engines take planes and leave them, as far as the options tell; None is the host."""
        if self.options.devices or isinstance(self.options.tile, int):
            return None
        home = home_of(self.options.backend, self.options.device)
        smooths = self._style is not None and self._style.smooth > 0
        return None if home is None or (smooths and self._smooths_on_host(home)) else home

    def share(self, device: str) -> bool:
        """Whether that is its `home`; then FFmpeg can have a share in it, if nothing has been computed there before."""
        if device != self.home:
            return False
        share_context(device_index(device))
        return True

    @contextmanager
    def engine(
        self, source: StreamFormat, target: StreamFormat, probe: Sequence[Frame], *, still: bool = False
    ) -> Iterator[Engine]:
        """Lend an engine that turns frames of `source` into frames of `target`; nobody else has it meanwhile.

        Args:
            source: what comes in.
            target: what goes out: `scale` times the size, any layout and colour.
            probe: a few frames of the source, for checking an engine that is new.
            still: the source is a single picture: there is nothing to smooth.

        Raises:
            EngineError: nothing compiles, or nothing gives the right pictures.
            ConfigError: the models do not come in the precision asked for.
        """
        key = source, target, still
        with self._lock:
            engine = self._idle.pop(key, None)
        if engine is None:
            with self._compiling:
                engine = self._compile(*key, probe)
        try:
            yield engine
        finally:
            self._take_back(key, engine)

    def _take_back(self, key: _Key, engine: Engine) -> None:
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

    def _compile(self, source: StreamFormat, target: StreamFormat, still: bool, probe: Sequence[Frame]) -> Engine:
        told = self.looks.at(0).tensors() if self.looks else ()
        pictures = [(*to_tensors(frame.planes, frame.layout), *told) for frame in probe]
        if self.options.precision == "int8" and not any(link.has_int8 for link in self._links):
            raise ConfigError(f"{self.name} does not come in int8; use --precision auto, fp16, bf16 or fp32")
        smooth = self._style.smooth if self._style and not still else 0.0

        def compiled(backend: Backend, device: str) -> Engine:
            options = replace(self.options, backend=backend.name, device=device, devices=())
            if smooth and self._smooths_on_host(device):
                return self._smoothed(source, target, smooth, pictures, options)
            return self._assembly(self._links, options, smooth).engine(source, target, pictures)

        try:
            return build_fleet(
                self.options.devices or (self.options.device,),
                lambda device: first_engine(self.options.backend, device, compiled),
            )
        except (BuildError, VerificationError) as error:
            raise type(error)(f"no engine for {self.name}: {error}") from error

    def _smoothed(
        self, source: StreamFormat, target: StreamFormat, smooth: float, pictures: Frames, options: EngineOptions
    ) -> Engine:
        """Two engines around the smoother; one where nothing remains to be done after it."""
        before, after = self._links[: self._split], self._links[self._split :]
        styled = styled_format(source, target, final=not after)
        with ExitStack() as undo:
            head = self._assembly(before, options).engine(source, styled, pictures)
            undo.callback(head.close)
            tail = None
            if after or styled != target:
                between = list(stream(head, pictures))
                head.reset()
                tail = self._assembly(after, options).engine(styled, target, between)
                undo.callback(tail.close)
            engine = SmoothedEngine(head, tail, source, styled, smooth)
            undo.pop_all()
        return engine

    def _assembly(self, links: Sequence[Link], options: EngineOptions, smooth: float = 0.0) -> Assembly:
        fixed = self._schedule.fixed if self._schedule else None
        return Assembly(links, options, look=fixed, smooth=smooth)

    def _smooths_on_host(self, device: str) -> bool:
        backend = self._style.smooth_backend if self._style else "auto"
        return device == CPU if backend == "auto" else backend == "host"


def _schedule(links: Sequence[Link], style: StyleOptions | None) -> Schedule | None:
    """The looks of the one stylizer among the links that has styles to choose from; None if there is none."""
    stylizers = [link for link in links if link.styles]
    if len(stylizers) > 1:
        raise ConfigError(f"a chain has one stylizer, not {' and '.join(link.name for link in stylizers)}")
    if stylizers and style is None:
        raise ConfigError(
            f"{stylizers[0].name} paints, and was not told what: `streamsr stylize` and `compile` take --style, Python "
            f"style=StyleOptions(...); the styles are {', '.join(stylizers[0].styles)}"
        )
    if style is None:
        return None
    if stylizers:
        return style.looks(stylizers[0].styles)
    if style.style or style.schedule:
        raise ConfigError(f"{' + '.join(link.name for link in links)} has no styles to choose from")
    return None


def _check_independent(links: Sequence[Link], style: StyleOptions | None) -> None:
    """See that each frame can be computed without the one before, which another device has had."""
    if style is not None and style.smooth:
        raise ConfigError("smoothing needs the frame before, which another device has: use --smooth 0, or one device")
    for link in links:
        if link.model("fp32").spec.state:
            raise ConfigError(f"{link.name} needs the frame before, which another device has: use one device")
