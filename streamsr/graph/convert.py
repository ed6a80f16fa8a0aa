"""Colour conversion as graph nodes: YUV to RGB and back, and from one YUV encoding to another.

Linear steps are written as convolutions around signals whose zero is black and no colour, because `fold` can then
merge them into a model's own convolutions without touching what their zero padding means.
"""

from __future__ import annotations

from math import lcm

import numpy as np

from .builder import Floats, GraphBuilder, Tensor
from .colorspace import matrix_from_rgb
from .picture import Encoding, Picture, Rgb, Yuv
from .resample import chroma_down, chroma_to_grid, chroma_up


def to_rgb(b: GraphBuilder, picture: Picture, multiple: int = 1) -> Tensor:
    """R'G'B' `(1, 3, H, W)` in [0, 1], H and W multiples of `multiple` that hold the picture."""
    image = picture.image
    if isinstance(image, Rgb):
        return b.fit(image.tensor, _ceil(picture.height, multiple), _ceil(picture.width, multiple))
    grid, code = image.encoding.grid, image.encoding.coding
    height = _ceil(picture.height, lcm(multiple, grid.rows.factor))
    width = _ceil(picture.width, lcm(multiple, grid.columns.factor))
    luma = b.affine(b.fit(image.luma, height, width), 1, -code.black)
    if image.chroma is None:
        return b.conv(luma, np.full((3, 1, 1, 1), 1 / (code.white - code.black)))
    chroma = b.affine(image.chroma, 1, -code.middle)
    chroma = b.fit(chroma_up(b, chroma, grid, image.scale), height, width)
    return mix(b, b.stack([luma, chroma]), np.linalg.inv(matrix_from_rgb(image.encoding.matrix)) / code.gains)


def to_yuv(b: GraphBuilder, picture: Picture, target: Encoding, chroma: bool, within_cell: bool = False) -> Yuv:
    """Luma and (if `chroma`) chroma codes in another encoding; gray becomes colourless."""
    image = picture.image
    if isinstance(image, Yuv):
        other_matrix = image.encoding.matrix != target.matrix
        if not (chroma and image.chroma is not None and other_matrix):
            return _recode(b, picture, image, target, chroma)
        image = Rgb(to_rgb(b, picture))
    return _from_rgb(b, image.tensor, target, chroma, within_cell)


def mix(b: GraphBuilder, x: Tensor, matrix: Floats, offset: Floats | None = None) -> Tensor:
    """A linear combination of channels at every pixel."""
    return b.conv(x, matrix[:, :, None, None], offset)


def _from_rgb(b: GraphBuilder, rgb: Tensor, target: Encoding, chroma: bool, within_cell: bool) -> Yuv:
    code, grid = target.coding, target.grid
    matrix = matrix_from_rgb(target.matrix) * code.gains[:, None]
    rgb = b.fit(rgb, _ceil(rgb.shape[2], grid.rows.factor), _ceil(rgb.shape[3], grid.columns.factor))
    luma = mix(b, rgb, matrix[:1], code.offsets[:1])
    if not chroma:
        return Yuv(luma, None, target)
    differences = chroma_down(b, mix(b, rgb, matrix[1:], code.offsets[1:]), grid, within_cell=within_cell)
    return Yuv(luma, differences, target)


def _recode(b: GraphBuilder, picture: Picture, image: Yuv, target: Encoding, chroma: bool) -> Yuv:
    source = image.encoding
    gains = target.coding.gains / source.coding.gains
    shifts = target.coding.offsets - gains * source.coding.offsets
    luma = b.affine(image.luma, gains[0], shifts[0])
    if not chroma:
        return Yuv(luma, None, target)
    if image.chroma is None:
        rows, columns = target.grid.rows.factor, target.grid.columns.factor
        shape = (1, 2, _ceil(picture.height, rows) // rows, _ceil(picture.width, columns) // columns)
        return Yuv(luma, b.expand(target.coding.middle, shape), target)
    moved = chroma_to_grid(b, image.chroma, source.grid, image.scale, target.grid)
    return Yuv(luma, b.affine(moved, gains[1], shifts[1]), target)


def _ceil(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
