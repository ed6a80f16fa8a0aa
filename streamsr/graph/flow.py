"""Optical flow as graph nodes: where each pixel was one frame ago, for the smoother inside an engine.

The same computation as `analysis/flow.py` does on the host, with the constants of `blending`. All of it in float32:
in half precision the determinants vanish, and a normalised coordinate is a third of a pixel coarse at 720p.
"""

from __future__ import annotations

import numpy as np

from ..blending import DAMPING, STEP_MAX, WINDOW, pyramid_levels
from .builder import GraphBuilder, Tensor
from .resample import resample
from .siting import LUMA, linear, resize


def lucas_kanade(b: GraphBuilder, now: Tensor, before: Tensor) -> Tensor:
    """The flow from `now` to `before`, two pictures `(1, 1, H, W)` in [0, 1]: `(1, 2, H, W)` in pixels, x then y.

    What is at p now was at p + flow before. Dense and pyramidal, one damped step a level: Bouguet, "Pyramidal
    implementation of the affine Lucas Kanade feature tracker" (Intel, 2001), at every pixel.
    """
    pyramid = [(now, before)]
    for _ in range(pyramid_levels(now.shape[3], now.shape[2]) - 1):
        now, before = b.shrink(now, 2), b.shrink(before, 2)
        pyramid.append((now, before))
    flow: Tensor | None = None
    for now, before in reversed(pyramid):
        if flow is not None:
            flow = enlarged_flow(b, flow, 2, now)
        flow = _refined(b, flow, now, before)
    assert flow is not None
    return flow


def followed(b: GraphBuilder, picture: Tensor, flow: Tensor, mode: str = "bilinear") -> Tensor:
    """A picture `(1, C, H, W)`, sampled where the flow, `(1, 2, H, W)`, leads."""
    height, width = flow.shape[2:]
    columns, rows = ((2 * np.arange(side) + 1) / side - 1 for side in (width, height))
    grid = b.combine("Mul", flow, _constant(b, np.array([2 / width, 2 / height]).reshape(1, 2, 1, 1)))
    grid = b.combine("Add", grid, _constant(b, np.stack([columns, 0 * columns])[None, :, None, :]))
    grid = b.combine("Add", grid, _constant(b, np.stack([0 * rows, rows])[None, :, :, None]))
    return b.sample(picture, b.transpose(grid, (0, 2, 3, 1)), mode)


def enlarged(b: GraphBuilder, x: Tensor, factor: int, like: Tensor) -> Tensor:
    """Every channel drawn out to `factor` times its size, bilinearly, and cut to that of `like`."""
    taps = resize(LUMA, factor, LUMA, linear)
    return b.fit(resample(b, x, taps, taps), *like.shape[2:])


def enlarged_flow(b: GraphBuilder, flow: Tensor, factor: int, like: Tensor) -> Tensor:
    """The same motion in a picture `factor` times as large, cut to the size of `like`."""
    return enlarged(b, b.affine(flow, factor, 0), factor, like)


def _refined(b: GraphBuilder, flow: Tensor | None, now: Tensor, before: Tensor) -> Tensor:
    """One step: the motion that best explains, around each pixel, what has changed along the flow so far."""
    slopes = _slopes(b, now)
    across, down = b.channels(slopes, 0, 1), b.channels(slopes, 1, 2)
    change = b.combine("Sub", now, before if flow is None else followed(b, before, flow))
    squares = [b.combine("Mul", *pair) for pair in ((across, across), (across, down), (down, down))]
    forces = [b.combine("Mul", slope, change) for slope in (across, down)]
    sums = b.box(b.stack([*squares, *forces]), WINDOW)
    xx, xy, yy, x, y = (b.channels(sums, i, i + 1) for i in range(5))
    xx, yy = b.affine(xx, 1, DAMPING), b.affine(yy, 1, DAMPING)
    determinant = _cross(b, (xx, yy), (xy, xy))
    step = b.stack([_cross(b, (yy, x), (xy, y)), _cross(b, (xx, y), (xy, x))])
    step = b.clip(b.combine("Div", step, determinant), -STEP_MAX, STEP_MAX)
    return b.box(step if flow is None else b.combine("Add", flow, step), WINDOW)


def _slopes(b: GraphBuilder, x: Tensor) -> Tensor:
    """Half the differences of the neighbours: `(1, 2, H, W)`, across then down."""
    weight = np.zeros((2, 1, 3, 3))
    weight[0, 0, 1], weight[1, 0, :, 1] = [-0.5, 0, 0.5], [-0.5, 0, 0.5]
    return b.conv(b.pad_edge(x, 1, 1, 1, 1), weight)


def _cross(b: GraphBuilder, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
    """The difference of two products."""
    return b.combine("Sub", b.combine("Mul", *first), b.combine("Mul", *second))


def _constant(b: GraphBuilder, values: np.ndarray) -> Tensor:
    return Tensor(b.const(values), values.shape)
