"""Luma of every pixel layout, in 8 bits."""

from __future__ import annotations

import numpy as np
import pytest

from streamsr.analysis.luma import luma_plane
from streamsr.layout import LAYOUTS, PixelLayout, pixel_layout

WIDTH, HEIGHT = 6, 4


def gray_picture(layout: PixelLayout, code: int) -> tuple[np.ndarray, ...]:
    """Every sample of every component at `code`, of 255."""
    value = code * ((1 << layout.depth) - 1) // 255 << layout.shift
    return tuple(np.full(shape, value, layout.dtype) for shape in layout.plane_shapes(WIDTH, HEIGHT))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=str)
@pytest.mark.parametrize("code", [0, 100, 255])
def test_gray_is_gray_in_every_layout(layout: PixelLayout, code: int) -> None:
    luma = luma_plane(gray_picture(layout, code), layout)
    assert luma.dtype == np.uint8
    assert luma.shape == (HEIGHT, WIDTH)
    assert np.all(luma == code)


@pytest.mark.parametrize(("color", "luma"), [((255, 0, 0), 77), ((0, 255, 0), 149), ((0, 0, 255), 29)])
def test_the_weights_are_those_of_bt601(color: tuple[int, int, int], luma: int) -> None:
    rgb = np.full((HEIGHT, WIDTH, 3), color, np.uint8)
    assert np.all(luma_plane([rgb], pixel_layout("rgb24")) == luma)
    assert np.all(luma_plane([rgb[..., ::-1]], pixel_layout("bgr24")) == luma)
    red, green, blue = np.moveaxis(rgb, -1, 0)
    assert np.all(luma_plane([green, blue, red], pixel_layout("gbrp")) == luma)


def test_8_bit_luma_is_not_copied() -> None:
    planes = gray_picture(pixel_layout("yuv420p"), 7)
    assert np.shares_memory(luma_plane(planes, pixel_layout("yuv420p")), planes[0])
