"""The picture between two steps of a chain: which tensors hold it, and what their values mean."""

from __future__ import annotations

from dataclasses import dataclass

from ..color import Color
from ..layout import PixelLayout
from .builder import Tensor
from .colorspace import UNIT, Coding, coding
from .siting import Grid, chroma_grid


@dataclass(frozen=True, slots=True)
class Encoding:
    """What the values of luma and chroma mean, and where the chroma samples sit."""

    matrix: str
    coding: Coding
    grid: Grid


@dataclass(frozen=True, slots=True)
class Yuv:
    """Luma and chroma code values, as floats."""

    luma: Tensor
    """`(1, 1, H, W)`, at least the picture's size."""
    chroma: Tensor | None
    """`(1, 2, h, w)`, Cb and Cr; None for gray."""
    encoding: Encoding
    scale: int = 1
    """How often luma has been enlarged since `chroma` was on its grid: it is resized once, when it is needed."""


@dataclass(frozen=True, slots=True)
class Rgb:
    """R'G'B' in [0, 1], `(1, 3, H, W)`. Not clamped: what a stream holds above white and below black survives."""

    tensor: Tensor


@dataclass(frozen=True, slots=True)
class Alpha:
    """Transparency codes, `(1, 1, H, W)`, waiting to be enlarged `scale` times."""

    tensor: Tensor
    peak: float
    scale: int = 1


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of `width` x `height`; its tensors may be larger, extended at the bottom and the right."""

    image: Yuv | Rgb
    alpha: Alpha | None
    width: int
    height: int


def encoding_of(layout: PixelLayout, color: Color) -> Encoding:
    """How a stream of that layout and resolved colour encodes luma and chroma."""
    grid = chroma_grid(layout.sub_x, layout.sub_y, color.siting)
    return Encoding(color.matrix, coding(color.range, layout.depth), grid)


def unit_encoding(matrix: str) -> Encoding:
    """4:4:4 in [0, 1], full range: RGB pictures on their way through a luma model."""
    return Encoding(matrix, UNIT, Grid())
