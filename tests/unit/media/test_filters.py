from __future__ import annotations

import logging
from fractions import Fraction

import av
import numpy as np
import pytest

from streamsr.layout import LAYOUTS
from streamsr.media.convert import frame_planes
from streamsr.media.filters import FilterChain, deinterlace, one_size
from tests.clips import picture, video_frame

YUV = LAYOUTS["yuv420p"]


def frames(count: int, width: int = 64, height: int = 48) -> list[av.VideoFrame]:
    made = [video_frame(picture(i, width, height, YUV), YUV) for i in range(count)]
    for i, frame in enumerate(made):
        frame.pts, frame.dts, frame.duration, frame.time_base = 100 + 3 * i, i, 3, Fraction(1, 75)
    return made


def as_fields(progressive: list[av.VideoFrame]) -> list[av.VideoFrame]:
    example = progressive[0]
    return [FilterChain(example, ("setfield", "tff")).through(frame) for frame in progressive]


def times(result: list[av.VideoFrame]) -> list[tuple[int | None, int, Fraction | None]]:
    return [(frame.pts, frame.duration, frame.time_base) for frame in result]


def test_progressive_frames_pass_as_they_are() -> None:
    given = frames(4)
    assert all(a is b for a, b in zip(deinterlace(given), given, strict=True))


@pytest.mark.parametrize("count", [1, 2, 7])
def test_one_frame_out_per_interlaced_frame_in_with_its_own_time(count: int) -> None:
    result = list(deinterlace(as_fields(frames(count))))
    assert times(result) == times(frames(count))
    assert not any(frame.interlaced_frame for frame in result)


def test_mixed_streams_keep_progressive_frames_pixel_for_pixel() -> None:
    given = frames(6)
    result = list(deinterlace([*as_fields(given[:3]), *given[3:]]))
    assert times(result) == times(given)
    assert all(bytes(a.planes[0]) == bytes(b.planes[0]) for a, b in zip(result[3:], given[3:], strict=True))


def test_fields_of_a_moving_bar_become_the_picture_of_the_first_field() -> None:
    def bar(moment: int) -> np.ndarray:
        luma = np.full((48, 64), 60, np.uint8)
        luma[:, 4 + 3 * moment : 16 + 3 * moment] = 200
        return luma

    chroma = tuple(np.full((24, 32), 128, np.uint8) for _ in range(2))
    woven = [bar(2 * i) for i in range(5)]
    for i, luma in enumerate(woven):
        luma[1::2] = bar(2 * i + 1)[1::2]
    given = [video_frame((luma, *chroma), YUV) for luma in woven]
    for i, frame in enumerate(given):
        frame.pts, frame.time_base = i, Fraction(1, 25)
    result = [frame_planes(frame, YUV)[0] for frame in deinterlace(as_fields(given))]
    for i in range(1, 4):
        error, before = (np.abs(luma.astype(int) - bar(2 * i)).mean() for luma in (result[i], woven[i]))
        assert np.array_equal(result[i][::2], bar(2 * i)[::2])
        assert error < before / 5


def test_a_change_of_size_while_deinterlacing_loses_no_frame() -> None:
    small, large = as_fields(frames(3)), as_fields(frames(3, 96, 64))
    result = list(deinterlace([*small, *large]))
    assert [(frame.width, frame.height) for frame in result] == [(64, 48)] * 3 + [(96, 64)] * 3


def test_another_size_is_scaled_back_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    given = [*frames(2), *frames(3, 96, 64), *frames(1)]
    with caplog.at_level(logging.WARNING):
        result = list(one_size(given, 64, 48, "yuv420p", "clip.ts"))
    assert [(frame.width, frame.height) for frame in result] == [(64, 48)] * 6
    assert [record.message for record in caplog.records] == [
        "clip.ts changes from 64x48 to 96x64; scaled back to the first size"
    ]
    assert result[0] is given[0]
    error = frame_planes(result[2], YUV)[0].astype(float) - frame_planes(given[0], YUV)[0]
    assert np.abs(error).mean() < 3
