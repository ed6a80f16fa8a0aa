"""Which parts of a picture the accuracy guard looks at: small pictures whole, big ones where there is most to see."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ..graph.stream import StreamFormat
from ..spec import HALO_MAX
from .base import Array
from .levels import levels, span
from .tiles import TilePlan, plan_tiles, smallest_tile
from .tiling import Tile, cut, places

if TYPE_CHECKING:
    from ..graph.frame_graph import FrameGraph

WHOLE_PIXELS = 512 * 512
"""Input pixels up to which a whole picture is compared."""

_EDGE = 256
"""Input pixels along the edge of an excerpt of a bigger one, unless the network looks farther than that."""

_KEPT_LEAST = 64
"""Input pixels along that edge which must be left when the overlap is cut off."""

_QUARTERS = 4


def excerpt_plan(graph: FrameGraph) -> TilePlan | None:
    """The grid that excerpts of a frame graph's pictures are taken from; None where only the whole will do.

    That is where the picture is small, where the result depends on the frames before or on pixels anywhere, and
    where excerpts would not be less work.
    """
    stream, pixels = graph.input, graph.input.width * graph.input.height
    if pixels <= WHOLE_PIXELS or graph.state or graph.halo >= HALO_MAX:
        return None
    edge = max(_EDGE, smallest_tile(graph.halo, graph.align) + _KEPT_LEAST)
    plan = plan_tiles(stream.width, stream.height, edge, graph.halo, graph.align)
    return plan if _QUARTERS * plan.width * plan.height < pixels else None


def whole_plan(stream: StreamFormat) -> TilePlan:
    """The picture as its only tile."""
    return plan_tiles(stream.width, stream.height, max(stream.width, stream.height), 0, 1)


def tiles_of(plan: TilePlan) -> list[Tile]:
    """Every tile, row by row."""
    return list(product(plan.rows, plan.columns))


def most_detailed(frames: Sequence[tuple[Array, ...]], stream: StreamFormat) -> tuple[Array, ...]:
    """The frame whose first plane varies most."""
    return max(frames, key=lambda planes: _variation(planes[0], stream))


def telling_tiles(frame: Sequence[Array], stream: StreamFormat, plan: TilePlan) -> list[Tile]:
    """The tile with most detail of every quarter of a picture: a fault of any part of it shows in one."""
    quarters: dict[tuple[bool, bool], list[Tile]] = {}
    for row, column in tiles_of(plan):
        quarter = (row.keep_from + row.keep_to >= stream.height, column.keep_from + column.keep_to >= stream.width)
        quarters.setdefault(quarter, []).append((row, column))
    return [max(tiles, key=lambda tile: _detail(frame, stream, plan, tile)) for tiles in quarters.values()]


def blank_tiles(
    frame: Sequence[Array], source: StreamFormat, outputs: Sequence[Array], target: StreamFormat, plan: TilePlan
) -> list[Tile]:
    """Of the tiles whose result is one flat colour, that with most detail in the input; none if no input has any."""
    scale = target.width // source.width
    flat = [
        tile for tile in tiles_of(plan) if not span(levels(excerpt(outputs, target, scale, tile), target.layout)[0])
    ]
    ranked = sorted(flat, key=lambda tile: _detail(frame, source, plan, tile))
    return [tile for tile in ranked[-1:] if _detail(frame, source, plan, tile)]


def excerpt(outputs: Sequence[Array], target: StreamFormat, scale: int, tile: Tile) -> tuple[Array, ...]:
    """What a whole picture's outputs show where a tile's result is kept; views."""
    return tuple(plane[there] for plane, (there, _) in zip(outputs, places(target, scale, tile), strict=True))


def kept(outputs: Sequence[Array], target: StreamFormat, scale: int, tile: Tile) -> tuple[Array, ...]:
    """What is kept of a tile's own outputs; views."""
    return tuple(plane[here] for plane, (_, here) in zip(outputs, places(target, scale, tile), strict=True))


def _detail(frame: Sequence[Array], stream: StreamFormat, plan: TilePlan, tile: Tile) -> float:
    return _variation(next(cut(frame, stream, plan, tile)), stream)


def _variation(plane: Array, stream: StreamFormat) -> float:
    """Standard deviation of every other sample of a plane, in 8-bit levels."""
    return float(np.std(levels([plane[::2, ::2]], stream.layout)[0]))
