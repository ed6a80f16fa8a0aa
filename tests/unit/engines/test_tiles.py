"""Where tiles are cut: every pixel once, far enough from the cuts, on the grid."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from streamsr.engines.tiles import Span, plan_tiles, smallest_tile
from streamsr.errors import ConfigError


@pytest.mark.parametrize(("align", "halo"), [*product((1, 2, 4, 6), (0, 1, 3, 10))])
def test_one_axis_exhaustively(align: int, halo: int) -> None:
    least = smallest_tile(halo, align)
    for length, tile in product(range(1, 150), range(least, least + 50, 3)):
        plan = plan_tiles(length, 1, tile, halo, align)
        check_axis(plan.columns, plan.width, length, halo, align)
        assert plan.width <= tile
        assert (plan.width == length) == (length <= tile)


def check_axis(spans: tuple[Span, ...], size: int, length: int, halo: int, align: int) -> None:
    assert (spans[0].start, spans[0].keep_from) == (0, 0)
    assert (spans[-1].start + size, spans[-1].keep_to) == (length, length)
    assert all(a.keep_to == b.keep_from and a.start < b.start for a, b in pairwise(spans))
    for span in spans:
        assert span.start % align == span.keep_from % align == 0
        assert span.keep_from < span.keep_to
        assert span.start == 0 or span.keep_from - span.start >= halo
        assert span.start + size == length or span.start + size - span.keep_to >= halo


@pytest.mark.parametrize(("width", "height", "tile"), [(171, 129, 64), (64, 200, 64), (33, 31, 64), (1920, 1080, 256)])
def test_every_pixel_is_kept_once(width: int, height: int, tile: int) -> None:
    plan = plan_tiles(width, height, tile, halo=9, align=2)
    times = np.zeros((height, width), int)
    for row, column in product(plan.rows, plan.columns):
        times[row.keep_from : row.keep_to, column.keep_from : column.keep_to] += 1
    assert (times == 1).all()
    assert len(plan) == len(plan.rows) * len(plan.columns)


def test_tiles_overlap_no_more_than_needed() -> None:
    plan = plan_tiles(1920, 1080, 512, halo=19, align=2)
    assert (len(plan.columns), len(plan.rows)) == (4, 3)
    assert (plan.width, plan.height) == (510, 388)
    assert len(plan) * plan.width * plan.height < 1.2 * 1920 * 1080


def test_a_tile_needs_room_for_its_halo() -> None:
    least = smallest_tile(9, 2)
    assert len(plan_tiles(500, 500, least, 9, 2)) > 100
    with pytest.raises(ConfigError, match=f"use {least} or more"):
        plan_tiles(500, 500, least - 1, 9, 2)
    assert len(plan_tiles(10, 10, 10, 9, 2)) == 1
