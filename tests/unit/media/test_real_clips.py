"""The eight real clips: every frame decodes, and its time is sane."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from streamsr.media.open import open_source

FRAMES = {
    "bigbuckbunny.mp4": (132, 1280, 720, "yuv420p"),
    "bikes.mp4": (250, 640, 272, "yuv420p"),
    "cut_bunny.mp4": (240, 640, 360, "yuv420p"),
    "flipping_a_pancake.mkv": (310, 426, 240, "yuv420p"),
    "fox.mp4": (420, 640, 640, "yuv420p"),
    "rooftop_hevc10_1080p.mp4": (73, 1920, 1080, "yuv420p10le"),
    "rooftop_pan_360p.mp4": (512, 640, 360, "yuv420p"),
    "talking_head.mp4": (30, 1080, 720, "yuv420p"),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", FRAMES)
def test_real_clips(name: str, shared_data: Path) -> None:
    count, width, height, layout = FRAMES[name]
    with closing(open_source(shared_data / "videos" / name)) as source:
        info = source.info
        assert (info.width, info.height, info.layout.name) == (width, height, layout)
        times = [frame.time for frame in source]
        assert source.skipped == 0
    assert len(times) == count
    assert info.frames is not None
    assert abs(info.frames - count) <= 1
    assert all(later > earlier for earlier, later in pairwise(times))
    assert info.duration is not None
    assert float(times[-1] - times[0]) == pytest.approx(float(info.duration), abs=0.15)


@pytest.mark.shared
def test_hlg_phone_clip_keeps_its_colour(shared_data: Path) -> None:
    with closing(open_source(shared_data / "videos" / "rooftop_hevc10_1080p.mp4")) as source:
        color = source.info.color
    assert (color.matrix, color.primaries, color.transfer) == ("bt2020nc", "bt2020", "arib-std-b67")
