"""Conversion to RGB and back against the standards' formulas, written here once more."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from streamsr.color import Color
from streamsr.frame import Frame
from streamsr.layout import pixel_layout
from streamsr.media.convert import frame_planes
from streamsr.media.rgb import frame_rgb, rgb_picture

KR_KB = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt2020nc": (0.2627, 0.0593)}
BLOCK = 16


def blocks(seed: int = 0) -> np.ndarray:
    """Flat squares of random colours, so that chroma subsampling does not matter inside them."""
    colors = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return colors.repeat(BLOCK, 0).repeat(BLOCK, 1)


def inside() -> np.ndarray:
    inner = np.zeros((BLOCK, BLOCK), bool)
    inner[6:10, 6:10] = True
    return np.tile(inner, (4, 6))


def codes(rgb: np.ndarray, matrix: str, range_: str, depth: int) -> np.ndarray:
    """Y, Cb, Cr codes, ITU-T H.273, 8.3."""
    red, blue = KR_KB[matrix]
    r, g, b = np.moveaxis(rgb / 255, -1, 0)
    y = red * r + (1 - red - blue) * g + blue * b
    cb, cr = (b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red))
    unit = 1 << (depth - 8)
    if range_ == "tv":
        values = [(219 * y + 16) * unit, (224 * cb + 128) * unit, (224 * cr + 128) * unit]
    else:
        peak = (1 << depth) - 1
        values = [peak * y, peak * cb + 128 * unit, peak * cr + 128 * unit]
    return np.clip(np.rint(np.stack(values, -1)), 0, (1 << depth) - 1)


def as_frame(values: np.ndarray, name: str, color: Color) -> Frame:
    layout = pixel_layout(name)
    steps = [(1, 1)] + [(1 << layout.sub_y, 1 << layout.sub_x)] * 2
    planes = tuple(
        np.ascontiguousarray(values[:: step[0], :: step[1], index]).astype(layout.dtype)
        for index, step in enumerate(steps)
    )
    return Frame(planes, layout, 0, Fraction(1, 25), color=color)


@pytest.mark.parametrize("matrix", KR_KB)
@pytest.mark.parametrize("range_", ["tv", "pc"])
@pytest.mark.parametrize("name", ["yuv420p", "yuv444p", "yuv420p10le", "yuv422p10le"])
def test_frames_become_rgb_by_their_own_tags(matrix: str, range_: str, name: str) -> None:
    rgb, depth = blocks(), pixel_layout(name).depth
    frame = as_frame(codes(rgb, matrix, range_, depth), name, Color(matrix=matrix, range=range_))
    assert np.abs(frame_rgb(frame).astype(int) - rgb)[inside()].max() <= 1


def test_untagged_frames_are_read_as_players_do() -> None:
    rgb = blocks(1)
    frame = as_frame(codes(rgb, "smpte170m", "tv", 8), "yuv420p", Color())
    assert np.abs(frame_rgb(frame).astype(int) - rgb)[inside()].max() <= 2  # codes of 8 bits, rounded
    tall = np.concatenate([rgb] * 10)
    frame = as_frame(codes(tall, "bt709", "tv", 8), "yuv420p", Color())
    assert np.abs(frame_rgb(frame)[:64].astype(int) - rgb)[inside()].max() <= 2  # codes of 8 bits, rounded


def test_rgb_and_gray_frames_are_exact() -> None:
    rgb = blocks(2)
    planes = tuple(np.ascontiguousarray(rgb[..., index]) for index in (1, 2, 0))
    np.testing.assert_array_equal(frame_rgb(Frame(planes, pixel_layout("gbrp"), 0, Fraction(1))), rgb)
    gray = Frame((rgb[..., 0].copy(),), pixel_layout("gray"), 0, Fraction(1))
    np.testing.assert_array_equal(frame_rgb(gray), np.repeat(rgb[..., :1], 3, axis=2))


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
@pytest.mark.parametrize("range_", ["tv", "pc"])
def test_pictures_for_encoders_have_the_standards_codes(matrix: str, range_: str) -> None:
    rgb = blocks(3)
    picture = rgb_picture(rgb, "yuv420p", Color(matrix=matrix, range=range_))
    expected = codes(rgb, matrix, range_, 8)
    y, u, v = frame_planes(picture, pixel_layout("yuv420p"))
    assert np.abs(y.astype(int) - expected[..., 0]).max() <= 1
    quarter = inside()[::2, ::2]
    for plane, index in ((u, 1), (v, 2)):
        assert np.abs(plane.astype(int) - expected[::2, ::2, index])[quarter].max() <= 1


def test_chroma_stays_where_it_is_from_picture_to_picture() -> None:
    """A soft red edge: down to 4:2:0 and back up moves it by less than a tenth of a pixel."""
    ramp = 1 / (1 + np.exp(-(np.arange(64) - 31.5) / 4))
    rgb = np.zeros((32, 64, 3), np.uint8)
    rgb[..., 0] = np.rint(60 + 150 * ramp)
    picture = rgb_picture(rgb, "yuv420p", Color(matrix="smpte170m", range="tv"))
    planes = frame_planes(picture, pixel_layout("yuv420p"))
    back = frame_rgb(Frame(planes, pixel_layout("yuv420p"), 0, Fraction(1), color=Color("smpte170m", "tv")))
    slope = np.gradient(rgb[16, :, 0].astype(float))
    shift = (back[16, :, 0].astype(float) - rgb[16, :, 0])[24:40].mean() / slope[24:40].mean()
    assert abs(shift) < 0.1
