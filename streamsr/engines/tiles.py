"""Where to cut a picture into tiles so that the pieces, computed apart, make the whole again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from ..errors import ConfigError


@dataclass(frozen=True, slots=True)
class Span:
    """One tile along one axis, in input pixels."""

    start: int
    """First pixel of the tile."""
    keep_from: int
    """First pixel whose result is used."""
    keep_to: int
    """One past the last pixel whose result is used."""


@dataclass(frozen=True, slots=True)
class TilePlan:
    """Tiles of one size that cover a picture. Every pixel's result is taken from exactly one of them."""

    width: int
    """Width of every tile, in input pixels."""
    height: int
    """Height of every tile, in input pixels."""
    columns: tuple[Span, ...]
    rows: tuple[Span, ...]

    def __len__(self) -> int:
        return len(self.columns) * len(self.rows)


def plan_tiles(width: int, height: int, tile: int, halo: int, align: int) -> TilePlan:
    """Cut a `width` x `height` picture into tiles of at most `tile` x `tile` input pixels, all of one size.

    A kept pixel lies at least `halo` pixels inside its tile, unless the tile ends where the picture ends: so what
    the network pads at the border, it pads where it would have padded in the whole. Tiles start, and kept parts
    meet, at multiples of `align`, so that subsampled chroma and strided layers fall on the same grid as in the whole.

    Raises:
        ConfigError: a tile so small that nothing inside it is kept.
    """
    tile_width, columns = _axis(width, tile, halo, align)
    tile_height, rows = _axis(height, tile, halo, align)
    return TilePlan(tile_width, tile_height, columns, rows)


def smallest_tile(halo: int, align: int) -> int:
    """The least `tile` that `plan_tiles` accepts for any picture."""
    return halo + _up(halo, align) + 2 * align - 1


def _axis(length: int, tile: int, halo: int, align: int) -> tuple[int, tuple[Span, ...]]:
    if length <= tile:
        return length, (Span(0, 0, length),)
    least = smallest_tile(halo, align)
    if tile < least:
        raise ConfigError(f"tiles of {tile} pixels are too small for this model, use {least} or more")
    margin = _up(halo, align)

    def step(size: int) -> int:
        return (size - halo - margin) // align * align

    def gaps(size: int) -> int:
        return -(-(length - size) // step(size))

    size = length - _up(length - tile, align)  # the last tile starts on the grid and ends at the border
    while step(size - align) > 0 and gaps(size - align) == gaps(size):
        size -= align  # as many tiles, overlapping less
    starts = [*range(0, length - size, step(size)), length - size]
    cuts = [0, *(start + margin for start in starts[1:]), length]
    kept = zip(starts, pairwise(cuts), strict=True)
    return size, tuple(Span(start, *span) for start, span in kept)


def _up(value: int, align: int) -> int:
    return -(-value // align) * align
