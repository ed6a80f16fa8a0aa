"""Polyphase filters as graph nodes: one small convolution, then channels to space (far cheaper than Resize)."""

from __future__ import annotations

import numpy as np

from .builder import GraphBuilder, Tensor
from .siting import Axis, Grid, Taps, down, parabola, resize, up


def resample(b: GraphBuilder, x: Tensor, rows: Taps, columns: Taps) -> Tensor:
    """Filter every channel of `(1, C, H, W)` along both axes, the edge repeated."""
    if rows.identity and columns.identity:
        return x
    x = b.pad_edge(x, rows.before, rows.after, columns.before, columns.after)
    kernel = np.einsum("ak,bl->abkl", rows.weights, columns.weights)
    weight = np.tile(kernel.reshape(-1, 1, *kernel.shape[2:]), (x.shape[1], 1, 1, 1))
    y = b.conv(x, weight, stride=(rows.stride, columns.stride))
    return b.shuffle(y, rows.phases, columns.phases)


def chroma_up(b: GraphBuilder, chroma: Tensor, grid: Grid, scale: int) -> Tensor:
    """Chroma of a picture since enlarged `scale` times, on the luma grid."""
    if scale == 1:
        return resample(b, chroma, up(grid.rows), up(grid.columns))
    return _resize(b, chroma, grid, scale, Grid())


def chroma_down(b: GraphBuilder, chroma: Tensor, grid: Grid, *, within_cell: bool = False) -> Tensor:
    """Chroma from the luma grid to a coarser one; the size is a multiple of its factors."""
    return resample(b, chroma, down(grid.rows, within_cell), down(grid.columns, within_cell))


def chroma_to_grid(b: GraphBuilder, chroma: Tensor, source: Grid, scale: int, target: Grid) -> Tensor:
    """Chroma of a picture since enlarged `scale` times, on another grid, its siting kept or moved."""
    if scale == 1 and source == target:
        return chroma
    if _whole(source.rows, scale, target.rows) and _whole(source.columns, scale, target.columns):
        return _resize(b, chroma, source, scale, target)
    full = chroma_up(b, chroma, source, scale)
    rows, columns = target.rows.factor, target.columns.factor
    full = b.fit(full, -(-full.shape[2] // rows) * rows, -(-full.shape[3] // columns) * columns)
    return chroma_down(b, full, target)


def enlarge(b: GraphBuilder, x: Tensor, scale: int) -> Tensor:
    """Every channel `scale` times as large."""
    return _resize(b, x, Grid(), scale, Grid())


def _resize(b: GraphBuilder, x: Tensor, source: Grid, scale: int, target: Grid) -> Tensor:
    rows = resize(source.rows, scale, target.rows, parabola)
    columns = resize(source.columns, scale, target.columns, parabola)
    return resample(b, x, rows, columns)


def _whole(source: Axis, scale: int, target: Axis) -> bool:
    return scale * source.factor % target.factor == 0
