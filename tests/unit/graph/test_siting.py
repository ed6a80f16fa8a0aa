"""Chroma stays where it is: ramps keep their position through every resize and conversion, at every siting."""

from __future__ import annotations

import numpy as np
import pytest

from streamsr.graph import build_frame_graph
from streamsr.layout import PixelLayout, pixel_layout
from tests.nets import identity, nearest

from .running import convert, run, stream

SITINGS = ["left", "center", "topleft", "top", "bottomleft", "bottom"]
FRACTIONS = {  # of the chroma cell: (horizontal, vertical), H.273 figure 4
    "left": (0, 0.5),
    "center": (0.5, 0.5),
    "topleft": (0, 0),
    "top": (0.5, 0),
    "bottomleft": (0, 1),
    "bottom": (0.5, 1),
}
SIZE = (48, 40)
DEPTH_PEAK = 4095


def scene(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A chroma value that is linear in the picture's coordinates (0..1)."""
    return 600 + 1400 * x[None, :] + 1500 * y[:, None]


def chroma(layout: PixelLayout, size: tuple[int, int], siting: str) -> np.ndarray:
    """The scene sampled where the chroma of such a picture sits."""
    across, down = FRACTIONS[siting]
    fx, fy = 1 << layout.sub_x, 1 << layout.sub_y
    height, width = layout.plane_shape(1, *size)
    x = (fx * np.arange(width) + across * (fx - 1) + 0.5) / size[0]
    y = (fy * np.arange(height) + down * (fy - 1) + 0.5) / size[1]
    return scene(x, y)


def picture(layout: PixelLayout, size: tuple[int, int], siting: str) -> list[np.ndarray]:
    plane = np.rint(chroma(layout, size, siting)).astype(np.uint16)
    luma = np.full((size[1], size[0]), 2000, np.uint16)
    return [luma, plane, DEPTH_PEAK - plane]


def assert_ramp(plane: np.ndarray, layout: PixelLayout, size: tuple[int, int], siting: str, edge: int = 4) -> None:
    """Inside the picture (its edges are repeated, not continued) the plane is the scene, but for rounding."""
    inner = (slice(edge, -edge), slice(edge, -edge))
    assert np.abs(plane[inner] - chroma(layout, size, siting)[inner]).max() <= 1.5


@pytest.mark.parametrize("siting", SITINGS)
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("layout", ["yuv420p12le", "yuv422p12le", "yuv440p12le"])
def test_a_luma_model_keeps_the_siting(layout, scale, siting):
    source = stream(layout, SIZE, siting=siting)
    graph = build_frame_graph([nearest("luma", scale)], source)
    size = (SIZE[0] * scale, SIZE[1] * scale)
    _, u, v = run(graph, picture(source.layout, SIZE, siting))
    assert graph.output.color.siting == siting
    assert_ramp(u, source.layout, size, siting, 2 * scale)
    assert_ramp(DEPTH_PEAK - v.astype(int), source.layout, size, siting, 2 * scale)


@pytest.mark.parametrize("siting", SITINGS)
@pytest.mark.parametrize("target", ["yuv444p12le", "yuv422p12le", "yuv420p12le"])
def test_subsampling_and_siting_change_without_a_shift(target, siting):
    source = stream("yuv420p12le", SIZE, siting=siting)
    planes = picture(source.layout, SIZE, siting)
    for wanted in ("left", "center", "topleft"):
        moved = convert(planes, source, target, siting=wanted)
        assert_ramp(moved[1], pixel_layout(target), SIZE, wanted)


@pytest.mark.parametrize("siting", SITINGS)
@pytest.mark.parametrize("target", ["yuv420p12le", "yuv422p12le"])
@pytest.mark.parametrize("model", [None, "luma", "rgb"])
def test_full_chroma_is_halved_in_place(target, siting, model):
    source = stream("yuv444p12le", SIZE)
    planes = picture(source.layout, SIZE, "left")
    models = [identity(model)] if model else []
    halved = convert(planes, source, target, models, siting=siting)
    assert_ramp(halved[1], pixel_layout(target), SIZE, siting)


@pytest.mark.parametrize("siting", SITINGS)
@pytest.mark.parametrize("scale", [2, 3])
def test_an_rgb_model_keeps_the_siting(scale, siting):
    source = stream("yuv420p12le", SIZE, siting=siting)
    planes = picture(source.layout, SIZE, siting)
    size = (SIZE[0] * scale, SIZE[1] * scale)
    _, u, _ = run(build_frame_graph([nearest("rgb", scale)], source), planes)
    step = 1400 / SIZE[0] + 1500 / SIZE[1]  # repeated pixels are stairs: at most a pixel's height off, none on average
    error = (u - chroma(source.layout, size, siting))[4:-4, 4:-4]
    assert np.abs(error).max() <= step
    if siting in ("center", "left") and scale == 2:
        assert abs(error.mean()) <= step / 2


def test_alpha_is_enlarged_with_the_picture():
    source = stream("yuva444p12le", SIZE)
    size = (SIZE[0] * 2, SIZE[1] * 2)
    full = PixelLayout("", ("Y", "U", "V"), 12)
    ramp = np.rint(chroma(full, SIZE, "left")).astype(np.uint16)
    planes = [np.full_like(ramp, 2000)] * 3 + [ramp]
    for color in ("luma", "rgb"):
        alpha = run(build_frame_graph([nearest(color)], source), planes)[3]
        assert_ramp(alpha, full, size, "left")
