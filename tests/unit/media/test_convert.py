from __future__ import annotations

import gc
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.format import names

from streamsr.errors import UnsupportedFormatError
from streamsr.layout import LAYOUTS
from streamsr.media.convert import conform, frame_planes, native_layout, nearest_layout, opaque, video_frame
from tests.clips import picture
from tests.clips import video_frame as independent_frame

EVERY = sorted(LAYOUTS)


@pytest.mark.parametrize("size", [(64, 48), (171, 129), (8, 8), (1, 1)], ids=str)
@pytest.mark.parametrize("name", EVERY)
def test_planes_to_frame_and_back(name: str, size: tuple[int, int]) -> None:
    layout = LAYOUTS[name]
    planes = picture(3, *size, layout)
    written = video_frame(planes, layout)
    assert (written.format.name, written.width, written.height) == (name, *size)
    assert [bytes(p)[: p.width] for p in written.planes] == [
        bytes(p)[: p.width] for p in independent_frame(planes, layout).planes
    ]
    read = frame_planes(independent_frame(planes, layout), layout)
    assert all(map(np.array_equal, read, planes))


def test_views_are_no_copies_and_keep_the_frame_alive() -> None:
    layout = LAYOUTS["yuv420p"]
    frame = independent_frame(picture(0, 64, 48, layout), layout)
    planes, addresses = frame_planes(frame, layout), [plane.buffer_ptr for plane in frame.planes]
    assert [plane.ctypes.data for plane in planes] == addresses
    before = [plane.copy() for plane in planes]
    del frame
    gc.collect()
    churn = [av.VideoFrame(64, 48, "yuv420p") for _ in range(50)]
    assert all(map(np.array_equal, planes, before))
    del churn


def test_strided_planes_are_written_whole() -> None:
    layout = LAYOUTS["rgb24"]
    wide = picture(1, 64, 48, layout)[0]
    (back,) = frame_planes(video_frame((wide[:, 3:40],), layout), layout)
    assert np.array_equal(back, wide[:, 3:40])


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        *[("yuvj420p", "yuv420p"), ("yuvj440p", "yuv440p"), ("yuv420p10be", "yuv420p10le"), ("rgb48be", "rgb48le")],
        *[("gray16be", "gray16le"), ("ya16be", "ya16le"), ("p010be", "p010le"), ("yuyv422", "yuv422p")],
        *[("uyyvyy411", "yuv411p"), ("y210le", "yuv422p10le"), ("xv30le", "yuv444p10le"), ("vuya", "yuva444p")],
        *[("x2rgb10le", "gbrp10le"), ("rgb565le", "rgb24"), ("monob", "gray"), ("pal8", "rgba"), ("nv42", "yuv444p")],
        *[("grayf32le", "gray16le"), ("gbrpf32le", "rgb48le"), ("gbrapf32le", "rgba64le"), ("xyz12le", "gbrp12le")],
        *[
            ("bayer_rggb8", "rgb24"),
            ("bayer_rggb16le", "rgb48le"),
            ("nv20le", "yuv422p10le"),
            ("xv36be", "yuv444p12le"),
        ],
    ],
)
def test_other_formats_become_the_nearest_layout(given: str, nearest: str) -> None:
    assert nearest_layout(given).name == nearest
    frame = av.VideoFrame(64, 48, given)
    frame.pts, frame.time_base = 7, Fraction(1, 25)
    result = conform(frame, 64, 48, nearest)
    assert native_layout(result.format.name) is LAYOUTS[nearest]
    assert (result.pts, result.time_base) == (7, Fraction(1, 25))


def test_every_software_format_has_a_nearest_layout() -> None:
    for name in names:
        if av.VideoFormat(name, 16, 16).components:
            assert nearest_layout(name).name in LAYOUTS, name


@pytest.mark.parametrize("name", EVERY)
def test_big_endian_and_packed_conversions_lose_nothing(name: str) -> None:
    layout = LAYOUTS[name]
    others = {name.removesuffix("le") + "be"} | {"yuv422p": {"yuyv422"}, "yuv444p": {"nv42"}}.get(name, set())
    for other in others & names:
        planes = picture(2, 64, 48, layout)
        frame = video_frame(planes, layout)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        back = conform(conform(frame, 64, 48, other), 64, 48, name)
        assert all(map(np.array_equal, frame_planes(back, layout), planes)), other


def test_full_range_stays_full_range() -> None:
    layout = LAYOUTS["yuv422p"]
    planes = tuple(np.full(shape, 255, np.uint8) for shape in layout.plane_shapes(64, 48))
    frame = video_frame(planes, layout)
    frame.pts, frame.time_base, frame.color_range = 0, Fraction(1, 25), 2
    scaled = frame_planes(conform(frame, 32, 24, "yuv422p"), layout)
    assert all((plane == 255).all() for plane in scaled)


def test_a_palette_is_opaque_until_a_colour_is_not() -> None:
    indices = np.arange(64 * 48, dtype=np.uint8).reshape(48, 64)
    palette = np.random.default_rng(0).integers(0, 256, (256, 4), dtype=np.uint8)
    for alpha in (255, 128):
        palette[:, 0] = 255
        palette[9, 0] = alpha
        frame = av.VideoFrame.from_ndarray((indices, palette), format="pal8")
        assert opaque(frame) == (alpha == 255)


def test_a_format_nobody_can_read_is_a_clear_error() -> None:
    frame = av.VideoFrame(64, 48, "rgbaf32be")
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    with pytest.raises(UnsupportedFormatError, match="rgbaf32be cannot be converted to rgba64le"):
        conform(frame, 64, 48, nearest_layout("rgbaf32be").name)
