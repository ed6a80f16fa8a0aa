"""Real clips, start to end: what comes out shows what went in."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import streamsr
from streamsr.media.open import open_source
from tests.conftest import SHARED

CLIPS = sorted((SHARED / "videos").glob("*.m*")) if SHARED.is_dir() else []
FRAMES = 5

pytestmark = pytest.mark.shared


def psnr(a: np.ndarray, b: np.ndarray, peak: int) -> float:
    error = np.mean((a.astype(float) - b) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(peak**2 / error))


def times_of_sound(path: Path, until: Fraction) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        return [(p.pts * p.time_base, bytes(p)) for p in packets if p.pts * p.time_base < until]


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.stem)
def test_the_picture_time_colour_and_sound_of_a_clip(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / clip.name
    report = streamsr.upscale(clip, target, frames=FRAMES, crf=10, preset="ultrafast")
    assert (report.frames, report.skipped) == (FRAMES, 0)
    before, after = open_source(clip), open_source(target)
    assert after.info.layout == before.info.layout
    assert after.info.color.resolved(after.info.layout, after.info.height) == before.info.color.resolved(
        before.info.layout, before.info.height
    )
    for small, large in zip(before, after, strict=False):
        assert (large.width, large.height) == (2 * small.width, 2 * small.height)
        assert abs(large.time - small.time) <= Fraction(1, 1000) + (large.time_base + small.time_base) / 2
        for index, (a, b) in enumerate(zip(small.planes, large.planes, strict=True)):
            reduced = cv2.resize(b, (a.shape[1], a.shape[0]), interpolation=cv2.INTER_AREA)
            assert psnr(a, reduced, small.layout.peak) > (32 if index == 0 else 34)
    before.close()
    after.close()
    end = times_of_sound(target, Fraction(1000))
    if end:
        wanted = times_of_sound(clip, end[-1][0] + Fraction(1, 1000))
        assert [data for _, data in end] == [data for _, data in wanted]
        assert max(abs(a - b) for (a, _), (b, _) in zip(end, wanted, strict=True)) <= Fraction(1, 500)


def test_all_of_a_clip(tmp_path: Path) -> None:
    clip = SHARED / "videos" / "talking_head.mp4"
    report = streamsr.upscale(clip, tmp_path / "out.mp4", preset="ultrafast")
    assert report.frames == 30
    sound = times_of_sound(clip, Fraction(1000))
    assert times_of_sound(tmp_path / "out.mp4", Fraction(1000)) == sound
