"""Whether a picture is computed whole or in tiles, and which."""

from __future__ import annotations

import logging
import math
from typing import Literal

from ..errors import ConfigError
from ..graph.frame_graph import FrameGraph
from .memory import available_memory, footprint
from .tiles import TilePlan, plan_tiles, smallest_tile

log = logging.getLogger(__name__)

Tiling = int | Literal["auto"] | None

_SHARE = 0.5
"""The part of the free memory an engine may take."""

_STEP = 32


def tile_plan(graph: FrameGraph, tile: Tiling, memory: int | None = None) -> TilePlan | None:
    """How to cut the pictures of a frame graph (made for whole pictures); None to leave them whole.

    Args:
        graph: the frame graph of the whole picture.
        tile: the largest edge of a tile in input pixels; `auto` for whole pictures unless they do not fit into
            memory; None for whole pictures.
        memory: bytes to fit into, for `auto`; None asks the system.

    Raises:
        ConfigError: a recurrent graph with a tile size, or tiles too small for the graph's halo.
    """
    if tile == "auto":
        tile = auto_tile(graph, memory)
    if tile is None:
        return None
    if graph.state:
        raise ConfigError("a model that remembers the previous frame cannot be run in tiles; leave --tile out")
    plan = plan_tiles(graph.input.width, graph.input.height, tile, graph.halo, graph.align)
    return plan if len(plan) > 1 else None


def finer_plan(width: int, height: int, plan: TilePlan | None, halo: int, align: int) -> TilePlan | None:
    """Tiles half as long as those of `plan` (None: as the whole picture), at most; None if they cannot be smaller.

    For devices whose memory is known to be too small only once an engine has been tried.
    """
    edge = max(plan.width, plan.height) if plan else max(width, height)
    tile = max(edge // 2 // _STEP * _STEP, smallest_tile(halo, align))
    return plan_tiles(width, height, tile, halo, align) if tile < edge else None


def auto_tile(graph: FrameGraph, memory: int | None = None) -> int | None:
    """The edge of the largest square tile that fits into memory; None if the whole picture does."""
    budget = _SHARE * (available_memory() if memory is None else memory)
    need = footprint(graph)
    if need <= budget or graph.state:
        return None
    edge = math.sqrt(graph.input.width * graph.input.height * budget / need)
    tile = max(int(edge) // _STEP * _STEP, smallest_tile(graph.halo, graph.align))
    if tile >= max(graph.input.width, graph.input.height):
        return None  # the network looks so far that tiles would be no smaller
    log.warning("a whole picture of %s would need about %d MB: computing tiles of %d", graph.input, need >> 20, tile)
    return tile
