"""The nearest layout: what is lost on the way from one pixel layout to another, and which choice loses least."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..color import UNKNOWN, Color
from ..layout import PixelLayout


def loss(source: PixelLayout, target: PixelLayout) -> tuple[int, ...]:
    """What turning `source` into `target` loses, worst first: colour, alpha, bits, chroma. All zero: nothing."""
    chroma = 0
    if source.family != "gray":
        chroma = max(target.sub_x - source.sub_x, 0) + max(target.sub_y - source.sub_y, 0)
    return (
        int(source.family != "gray" and target.family == "gray"),
        int(source.alpha and not target.alpha),
        max(source.depth - target.depth, 0),
        chroma,
    )


def change(source: PixelLayout, target: PixelLayout) -> tuple[int, ...]:
    """What differs without being lost, worst first: family, added bits, chroma, alpha; the order of samples."""
    return (
        int(source.family != target.family),
        max(target.depth - source.depth, 0),
        max(source.sub_x - target.sub_x, 0) + max(source.sub_y - target.sub_y, 0),
        int(target.alpha and not source.alpha),
        len(set(source.planes) ^ set(target.planes)),
        abs(source.shift - target.shift),
    )


def nearest(source: PixelLayout, candidates: Iterable[PixelLayout]) -> list[PixelLayout]:
    """The candidates, nearest to `source` first."""
    return sorted(candidates, key=lambda layout: (loss(source, layout), change(source, layout)))


def retag(color: Color, source: PixelLayout, target: PixelLayout, height: int) -> Color:
    """The colour of a stream once its layout is `target`: unchanged within a family, made explicit across."""
    if target.family == "gray":  # with an explicit range: most decoders take untagged gray for limited
        matrix = color.matrix if source.family == "gray" else color.resolved(source, height).matrix
        return replace(color, matrix=matrix, range=color.resolved(source, height).range, siting=UNKNOWN)
    if target.family == source.family:
        subsampled = target.sub_x or target.sub_y
        return color if subsampled else replace(color, siting=UNKNOWN)
    if target.family == "rgb":
        return replace(color, matrix="gbr", range="pc", siting=UNKNOWN)
    matrix = color.matrix
    if matrix in (UNKNOWN, "gbr", "reserved"):
        matrix = "smpte170m" if height <= 576 else "bt709"
    siting = "left" if target.sub_x else UNKNOWN
    return replace(color, matrix=matrix, range="tv", siting=siting)
