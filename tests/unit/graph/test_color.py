"""Colour matrices, ranges and depths against an independent float64 reference and published code values."""

from __future__ import annotations

import numpy as np
import pytest

from streamsr.color import Color
from streamsr.errors import UnsupportedFormatError
from streamsr.graph import build_frame_graph
from streamsr.layout import pixel_layout
from tests.nets import identity

from .running import convert, noise, run, stream, worst

BARS = {"white": (255, 255, 255), "yellow": (255, 255, 0), "red": (255, 0, 0), "blue": (0, 0, 255), "black": (0, 0, 0)}
BT709_LIMITED = {"white": (235, 128, 128), "yellow": (219, 16, 138), "red": (63, 102, 240), "blue": (32, 240, 118)}
LUMA = {
    "bt709": (0.2126, 0.7152, 0.0722),
    "smpte170m": (0.299, 0.587, 0.114),
    "bt470bg": (0.299, 0.587, 0.114),
    "bt2020nc": (0.2627, 0.678, 0.0593),
    "fcc": (0.3, 0.59, 0.11),
    "smpte240m": (0.212, 0.701, 0.087),
}


def reference(rgb: np.ndarray, matrix: str, limited: bool, depth: int) -> np.ndarray:
    """R'G'B' in [0, 1] `(…, 3)` to Y, Cb, Cr codes before rounding, written out from H.273."""
    red, green, blue = np.moveaxis(rgb.astype(np.float64), -1, 0)
    kr, kg, kb = LUMA[matrix]
    y = kr * red + kg * green + kb * blue
    cb, cr = (blue - y) / (1 - kb) / 2, (red - y) / (1 - kr) / 2
    unit, peak = 2 ** (depth - 8), 2**depth - 1
    if limited:
        codes = [(219 * y + 16) * unit, (224 * cb + 128) * unit, (224 * cr + 128) * unit]
    else:
        codes = [peak * y, peak * cb + 2 ** (depth - 1), peak * cr + 2 ** (depth - 1)]
    return np.clip(np.stack(codes), 0, peak)


@pytest.mark.parametrize("name", BT709_LIMITED)
def test_color_bars_have_their_published_codes(name):
    flat = np.full((8, 16, 3), BARS[name], np.uint8)
    planes = convert([flat], stream("rgb24", (16, 8)), "yuv420p", matrix="bt709", range="tv")
    assert tuple(int(plane[2, 2]) for plane in planes) == BT709_LIMITED[name]
    assert all(np.ptp(plane) == 0 for plane in planes)


@pytest.mark.parametrize("matrix", LUMA)
@pytest.mark.parametrize("range_", ["tv", "pc"])
@pytest.mark.parametrize("depth", [8, 10, 16])
def test_matrix_range_and_depth_follow_the_standard(matrix, range_, depth):
    source = stream("gbrp12le")
    green, blue, red = noise(source.layout, (34, 22))
    layout = "yuv444p" if depth == 8 else f"yuv444p{depth}le"
    ours = convert([green, blue, red], source, layout, matrix=matrix, range=range_)
    expected = reference(np.stack([red, green, blue], -1) / 4095, matrix, range_ == "tv", depth)
    assert np.abs(np.stack(ours) - expected).max() <= 0.5 + 2.0 ** (depth - 20)
    back = convert(ours, stream(layout, matrix=matrix, range=range_), "gbrp12le")
    assert worst(back, [green, blue, red], source.layout) <= {8: 30, 10: 8, 16: 1}[depth]


def test_limited_codes_deepen_by_shifting_and_full_ones_by_stretching():
    planes = noise(pixel_layout("yuv420p"), (34, 22))
    for given, wide in zip(planes, convert(planes, stream("yuv420p"), "yuv420p10le"), strict=True):
        np.testing.assert_array_equal(wide, given.astype(int) * 4)
    luma = convert(planes, stream("yuv420p", range="pc"), "yuv420p10le")[0]
    assert np.abs(luma - planes[0] * (1023 / 255)).max() <= 0.501


def test_ranges_convert_both_ways():
    source = stream("yuv420p", range="tv")
    planes = noise(source.layout, (34, 22), 0.1, 0.9)
    full = convert(planes, source, "yuv420p", range="pc")
    assert np.abs(full[0] - np.clip((planes[0].astype(float) - 16) * 255 / 219, 0, 255)).max() <= 0.501
    assert worst(convert(full, stream("yuv420p", range="pc"), "yuv420p", range="tv"), planes, source.layout) <= 1


def test_a_change_of_matrix_goes_through_rgb():
    rgb = noise(pixel_layout("rgb24"), (16, 8))
    as_601 = convert(rgb, stream("rgb24", (16, 8)), "yuv444p12le", matrix="smpte170m")
    as_709 = convert(as_601, stream("yuv444p12le", (16, 8), matrix="smpte170m"), "yuv444p", matrix="bt709")
    expected = reference(rgb[0] / 255, "bt709", True, 8)
    assert np.abs(np.stack(as_709).astype(int) - expected).max() <= 1


def test_gray_and_color():
    gray = noise(pixel_layout("gray"), (34, 22))
    rgb = convert(gray, stream("gray"), "rgb24")[0]
    np.testing.assert_array_equal(rgb, np.repeat(gray[0][..., None], 3, axis=2))
    luma, u, v = convert(gray, stream("gray"), "yuv420p")
    assert np.abs(luma - (16 + gray[0] * (219 / 255))).max() <= 0.501
    assert set(np.unique(u)) == set(np.unique(v)) == {128}
    back = convert([luma, u, v], stream("yuv420p"), "gray")[0]
    assert np.abs(back - (luma.astype(float) - 16) * (255 / 219)).max() <= 0.501


def test_out_of_gamut_codes_survive_an_rgb_model():
    source = stream("yuv444p", range="tv")
    planes = [np.full((22, 34), value, np.uint8) for value in (254, 3, 250)]
    assert worst(run(build_frame_graph([identity("rgb")], source), planes), planes, source.layout) <= 1


def test_unknown_colour_is_resolved_once_and_written_down_when_it_would_change():
    small = build_frame_graph([], stream("yuv420p", (64, 48)))
    assert small.output.color == Color()
    tall = build_frame_graph([identity("luma")], stream("yuv420p", (64, 48)), pixel_layout("yuv444p"), Color())
    assert tall.output.color == Color()
    rgb = build_frame_graph([], stream("yuv420p", (64, 48), range="tv", primaries="bt709"), pixel_layout("rgb24"))
    assert (rgb.output.color.matrix, rgb.output.color.range, rgb.output.color.primaries) == ("gbr", "pc", "bt709")


def test_an_enlarged_sd_stream_keeps_its_matrix():
    from tests.nets import nearest

    graph = build_frame_graph([nearest("luma")], stream("yuv420p", (64, 400)))
    assert graph.output.color.matrix == "smpte170m"  # unknown would mean BT.709 at 800 rows
    assert graph.output.color.range == "unknown"


@pytest.mark.parametrize("matrix", ["ycgco", "ictcp", "bt2020c", "nonsense"])
def test_matrices_that_are_not_linear_are_refused_only_where_needed(matrix):
    source = stream("yuv444p", matrix=matrix)
    planes = noise(source.layout, (34, 22))
    assert worst(run(build_frame_graph([identity("luma")], source), planes), planes, source.layout) == 0
    with pytest.raises(UnsupportedFormatError, match=matrix):
        build_frame_graph([identity("rgb")], source)
