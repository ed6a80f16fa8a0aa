"""Big pictures through a small engine: tiles with overlap, put together so that no seam shows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from ..errors import ConfigError, EngineError, MismatchError
from ..graph.planes import tensor_shapes
from ..graph.stream import StreamFormat
from .base import Array, Engine, EngineSpec, TensorSpec, Ticket
from .runner import Runner
from .tiles import Span, TilePlan

_DEPTH = 2  # so that the last tiles of a frame compute while the next frame is cut

Tile = tuple[Span, Span]
"""Its rows and its columns."""

Area = tuple[slice, slice]
"""Rows and columns of a plane."""


@dataclass(slots=True)
class _Picture:
    """A frame on its way: the whole outputs, and how many tiles are still to be pasted."""

    outputs: tuple[Array, ...]
    missing: int


class TiledEngine(Runner[_Picture]):
    """An engine for whole pictures around one for tiles; the result is the untiled one up to rounding.

    As many tiles are in flight as the inner engine takes; `submit` returns once the last of them have started.
    """

    def __init__(self, inner: Engine, plan: TilePlan, source: StreamFormat, target: StreamFormat) -> None:
        """Wrap `inner`, compiled for `plan.width` x `plan.height`, to turn `source` pictures into `target` ones.

        Raises:
            ConfigError: the engine is recurrent: its state belongs to whole pictures.
            MismatchError: it was compiled for another tile size or layout.
        """
        if inner.spec.state:
            raise ConfigError("a model that remembers the previous frame cannot be run in tiles; use --tile none")
        scale = target.width // source.width
        _check_tile(_planes(inner.spec), replace(source, width=plan.width, height=plan.height))
        _check_tile(inner.spec.outputs, replace(target, width=plan.width * scale, height=plan.height * scale))
        super().__init__(_whole(inner.spec, source, target))
        self._inner = inner
        self._plan = plan
        self._source, self._target, self._scale = source, target, scale
        self._flights: deque[tuple[Ticket, _Picture, Tile]] = deque()

    def _start(self, inputs: Sequence[Array], fresh: bool) -> _Picture:
        if fresh:
            self._inner.reset()
        outputs = tuple(np.empty(tensor.shape, tensor.dtype) for tensor in self.spec.outputs)
        picture = _Picture(outputs, len(self._plan))
        for tile in product(self._plan.rows, self._plan.columns):
            if len(self._flights) == self._inner.spec.depth:
                self._land()
            ticket = self._inner.submit(tuple(cut(inputs, self._source, self._plan, tile)))
            self._flights.append((ticket, picture, tile))
        return picture

    def _land(self) -> None:
        """Paste what is to be kept of the tile that has been in flight longest."""
        ticket, picture, spans = self._flights.popleft()
        tile = self._inner.result(ticket)
        areas = places(self._target, self._scale, spans)
        for whole, part, (there, here) in zip(picture.outputs, tile, areas, strict=True):
            whole[there] = part[here]
        picture.missing -= 1

    def _finish(self, job: _Picture) -> tuple[Array, ...]:
        while job.missing:
            if not self._flights:
                raise EngineError("a tile of this frame failed before")
            self._land()
        return job.outputs

    def _release(self, pending: Sequence[_Picture]) -> None:  # noqa: ARG002 - the tiles in flight are the inner engine's
        self._flights.clear()
        self._inner.close()


def cut(inputs: Sequence[Array], source: StreamFormat, plan: TilePlan, tile: Tile) -> Iterator[Array]:
    """One tile's planes, as views of the whole picture's; what follows the planes is as for the whole picture."""
    row, column = tile
    count = len(source.layout.planes)
    for index, plane in enumerate(inputs[:count]):
        sub_x, sub_y = _subsampling(source, index)
        yield plane[_window(row.start, plan.height, sub_y), _window(column.start, plan.width, sub_x)]
    yield from inputs[count:]


def places(target: StreamFormat, scale: int, tile: Tile) -> Iterator[tuple[Area, Area]]:
    """The kept part of a tile's result, plane by plane: where it goes in the whole, and where it lies in the tile."""
    row, column = tile
    for index in range(len(target.layout.planes)):
        sub_x, sub_y = _subsampling(target, index)
        to_y, from_y = _kept(row, scale, sub_y)
        to_x, from_x = _kept(column, scale, sub_x)
        yield (to_y, to_x), (from_y, from_x)


def sample_tile(inputs: Sequence[Array], source: StreamFormat, plan: TilePlan) -> tuple[Array, ...]:
    """The tile in the middle of a picture: what to check a tile's engine with."""
    tile = plan.rows[len(plan.rows) // 2], plan.columns[len(plan.columns) // 2]
    return tuple(cut(inputs, source, plan, tile))


def _window(start: int, size: int, sub: int) -> slice:
    """Pixels `start` to `start + size` of the picture, in a plane subsampled by `1 << sub`; chroma rounds up."""
    return slice(start >> sub, -(-(start + size) >> sub))


def _kept(span: Span, scale: int, sub: int) -> tuple[slice, slice]:
    """The kept part of a tile along one axis: where it goes in the whole plane, and where it lies in the tile's."""
    origin = span.start * scale >> sub
    whole = _window(span.keep_from * scale, (span.keep_to - span.keep_from) * scale, sub)
    return whole, slice(whole.start - origin, whole.stop - origin)


def _subsampling(stream: StreamFormat, plane: int) -> tuple[int, int]:
    return (stream.layout.sub_x, stream.layout.sub_y) if stream.layout.subsampled(plane) else (0, 0)


def _check_tile(tensors: Sequence[TensorSpec], tile: StreamFormat) -> None:
    shapes = tensor_shapes(tile.layout, tile.width, tile.height)
    if tuple(tensor.shape for tensor in tensors) != shapes:
        raise MismatchError(f"the engine is not one for {tile} tiles: it has {', '.join(map(str, tensors))}")


def _whole(inner: EngineSpec, source: StreamFormat, target: StreamFormat) -> EngineSpec:
    inputs = *_resized(_planes(inner), source), *inner.inputs[len(_planes(inner)) :]
    return replace(inner, inputs=inputs, outputs=_resized(inner.outputs, target), depth=_DEPTH)


def _planes(spec: EngineSpec) -> tuple[TensorSpec, ...]:
    """The inputs that are planes."""
    return spec.inputs[: len(spec.inputs) - len(spec.controls)]


def _resized(tensors: Sequence[TensorSpec], stream: StreamFormat) -> tuple[TensorSpec, ...]:
    shapes = tensor_shapes(stream.layout, stream.width, stream.height)
    return tuple(replace(tensor, shape=shape) for tensor, shape in zip(tensors, shapes, strict=True))
