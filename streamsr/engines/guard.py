"""The accuracy guard: a fresh engine proves itself on real frames before it is used.

Compilers do miscompile, and low precision does overflow: black, flat or garbled pictures are a known failure of
this field. So the first pictures of a new engine are held against ONNX Runtime in fp32, plane by plane. Of a big
picture the reference computes excerpts only, so that the proof takes about as long at any size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ..errors import VerificationError
from ..graph.stream import StreamFormat
from .available import load_backend
from .backend import CompileOptions
from .base import Array, Engine
from .excerpt import blank_tiles, excerpt, excerpt_plan, kept, most_detailed, telling_tiles, tiles_of, whole_plan
from .levels import Levels, levels, psnr, span
from .runner import stream
from .tiling import Tile, cut

if TYPE_CHECKING:
    from ..graph.frame_graph import FrameGraph

Frames = Sequence[tuple[Array, ...]]
Resized = Callable[[StreamFormat, StreamFormat], "FrameGraph"]
"""Builds the reference's frame graph for pictures of another size: from a source to a target."""

FLOORS = {"fp32": 60.0, "bf16": 45.0, "fp16": 45.0, "int8": 38.0}
"""Least PSNR in dB, per plane and frame, on samples scaled to 0..255, by precision."""

_FLAT_LEVELS = 4.0
"""A reference plane that spans less is flat itself: nothing to tell a dead engine by."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guard found about an engine that passed."""

    psnr: tuple[float, ...]
    """dB per output plane, the worst frame's."""
    conclusive: bool
    """Whether the frames had content at all; a black lead-in proves nothing."""


@dataclass(frozen=True, slots=True)
class Right:
    """What an engine should show."""

    frame: int
    """Index of the probe frame."""
    tile: Tile
    """Where in it; the whole picture is its only tile."""
    planes: tuple[Levels, ...]
    """The kept part of the tile, as `levels`."""


class Reference:
    """The right pictures: some frames through ONNX Runtime fp32. Computed when first asked for, then kept."""

    def __init__(self, graph: FrameGraph, probe: Callable[[], Frames], resized: Resized | None = None) -> None:
        """Take the frames that `probe` returns, tensors of `graph`, the frame graph of whole pictures.

        With `resized`, big pictures are compared in excerpts, and of several frames only the most detailed one.
        """
        self.input, self.output = graph.input, graph.output
        self._graph = graph
        self._probe = probe
        self._resized = resized
        self._grid = excerpt_plan(graph) if resized else None
        self._plan = self._grid or whole_plan(graph.input)

    @cached_property
    def frames(self) -> Frames:
        """The input frames."""
        frames = self._probe()
        return [most_detailed(frames, self.input)] if self._grid else frames

    @cached_property
    def pictures(self) -> list[Right]:
        """What to compare, frame by frame."""
        if self._grid:
            return self._right([(0, tile) for tile in telling_tiles(self.frames[0], self.input, self._grid)])
        return self._right([(index, tile) for index in range(len(self.frames)) for tile in tiles_of(self._plan)])

    def doubts(self, outputs: Frames) -> list[Right]:
        """What to compare besides: where a big picture's outputs are suspiciously flat, the most detailed place."""
        if not self._grid:
            return []
        tiles = blank_tiles(self.frames[0], self.input, outputs[0], self.output, self._grid)
        return self._right([(0, tile) for tile in tiles])

    def given(self, outputs: Frames, right: Right) -> tuple[Levels, ...]:
        """What whole outputs show where `right` is, as `levels`."""
        return levels(excerpt(outputs[right.frame], self.output, self._scale, right.tile), self.output.layout)

    def _right(self, places: Sequence[tuple[int, Tile]]) -> list[Right]:
        if not places:
            return []
        backend = load_backend("onnxruntime")
        inputs = (tuple(cut(self.frames[frame], self.input, self._plan, tile)) for frame, tile in places)
        with closing(backend.build(self._tile_graph(), "fp32", CompileOptions())) as engine:
            return [
                Right(*place, levels(kept(outputs, self.output, self._scale, place[1]), self.output.layout))
                for place, outputs in zip(places, stream(engine, inputs), strict=True)
            ]

    def _tile_graph(self) -> FrameGraph:
        if not (self._resized and self._grid):
            return self._graph
        return self._resized(*(self._tile_of(whole) for whole in (self.input, self.output)))

    def _tile_of(self, whole: StreamFormat) -> StreamFormat:
        """Colour resolved by the whole picture's height: a tile's would make SD of HD."""
        scale = whole.width // self.input.width
        color = whole.color.resolved(whole.layout, whole.height)
        return replace(whole, width=self._plan.width * scale, height=self._plan.height * scale, color=color)

    @property
    def _scale(self) -> int:
        return self.output.width // self.input.width


def verify(engine: Engine, reference: Reference) -> Verdict:
    """Run the reference's frames through an engine, from a reset to a reset, and judge its pictures.

    Raises:
        VerificationError: a plane below the floor of the engine's precision, or flat where the reference is not.
    """
    engine.reset()
    outputs = list(stream(engine, reference.frames))
    engine.reset()
    floor = FLOORS[engine.spec.precision]
    wanted = [*reference.pictures, *reference.doubts(outputs)]
    found = [_judge(reference.given(outputs, right), right, floor) for right in wanted]
    worst = tuple(min(plane) for plane in zip(*found, strict=True))
    return Verdict(worst, any(span(right.planes[0]) >= _FLAT_LEVELS for right in wanted))


def _judge(given: Sequence[Levels], right: Right, floor: float) -> list[float]:
    """The PSNR of each plane of one picture, if all of them are good enough."""
    found = []
    for index, (picture, plane) in enumerate(zip(given, right.planes, strict=True)):
        where = f"plane {index} of probe frame {right.frame}"
        found.append(psnr(picture, plane))
        if found[-1] < floor:
            raise VerificationError(f"{where} is {found[-1]:.1f} dB from the fp32 reference, below {floor:.0f} dB")
        if span(picture) == 0 and span(plane) >= _FLAT_LEVELS:
            raise VerificationError(f"{where} is one flat colour, unlike the fp32 reference")
    return found
