"""Colour, shape, rotation and HDR metadata, written and read back."""

from __future__ import annotations

import logging
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from streamsr.color import Color, ContentLight, MasteringDisplay
from tests.clips import ROTATE_90
from tests.muxes import BT709, decoded, frames, info_of, side_data, write

from .test_write_video import sink_for


@pytest.mark.parametrize("codec", ["libx264", "libx265", "ffv1"])
@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_color_tags(tmp_path: Path, suffix: str, codec: str) -> None:
    if (suffix, codec) == ("mp4", "ffv1"):
        return
    color = Color("bt2020nc", "tv", "bt2020", "arib-std-b67", "topleft")
    info, made = frames("yuv420p10", 2, color=color)
    write(sink_for(tmp_path / f"out.{suffix}", codec=codec, preset=None), info, made)
    assert info_of(tmp_path / f"out.{suffix}").color == color


@pytest.mark.parametrize("range_", ["tv", "pc"])
def test_range(tmp_path: Path, range_: str) -> None:
    info, made = frames("yuv420p", 2, color=replace(BT709, range=range_))
    write(sink_for(tmp_path / "out.mp4"), info, made)
    assert info_of(tmp_path / "out.mp4").color == replace(BT709, range=range_)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "webm"])
def test_sample_aspect_ratio(tmp_path: Path, suffix: str) -> None:
    info, made = frames("yuv420p", 2, sar=Fraction(16, 11))
    write(sink_for(tmp_path / f"out.{suffix}"), info, made)
    with av.open(str(tmp_path / f"out.{suffix}")) as out:
        assert abs(out.streams.video[0].sample_aspect_ratio - Fraction(16, 11)) < Fraction(1, 60)


MIRRORED = (-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
UPSIDE_DOWN = (-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "webm"])
@pytest.mark.parametrize("matrix", [ROTATE_90, MIRRORED, UPSIDE_DOWN])
def test_rotation_and_mirroring(tmp_path: Path, suffix: str, matrix: tuple[int, ...]) -> None:
    info, made = frames("yuv420p", 2, display_matrix=matrix)
    write(sink_for(tmp_path / f"out.{suffix}"), info, made)
    found = np.frombuffer(side_data(next(decoded(tmp_path / f"out.{suffix}")), "DISPLAYMATRIX"), np.int32)
    np.testing.assert_allclose(found, matrix, atol=2)


def test_a_matrix_that_scales_and_moves_is_reduced_to_its_rotation(tmp_path: Path) -> None:
    matrix = (0, 98304, 0, -98304, 0, 0, 48 << 16, 0, 1 << 30)
    info, made = frames("yuv420p", 2, display_matrix=matrix)
    write(sink_for(tmp_path / "out.mkv"), info, made)
    found = np.frombuffer(side_data(next(decoded(tmp_path / "out.mkv")), "DISPLAYMATRIX"), np.int32)
    np.testing.assert_allclose(found, ROTATE_90, atol=2)


def test_an_upright_picture_gets_no_matrix(tmp_path: Path) -> None:
    info, made = frames("yuv420p", 2, display_matrix=(1 << 17, 0, 0, 0, 1 << 17, 0, 5, 5, 1 << 30))
    write(sink_for(tmp_path / "out.mp4"), info, made)
    assert not side_data(next(decoded(tmp_path / "out.mp4")), "DISPLAYMATRIX")


P3 = [
    (Fraction(x, 50000), Fraction(y, 50000)) for x, y in ((34000, 16000), (13250, 34500), (7500, 3000), (15635, 16450))
]
MASTERING = MasteringDisplay(*P3, min_luminance=Fraction(1, 200), max_luminance=Fraction(1000))


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp4", "libx265"), ("mkv", "libx265"), ("mp4", "libx264"), ("webm", "libsvtav1")]
)
def test_hdr10_metadata(tmp_path: Path, suffix: str, codec: str) -> None:
    color = Color("bt2020nc", "tv", "bt2020", "smpte2084", "left")
    info, made = frames("yuv420p10", 2, color=color, mastering=MASTERING, content_light=ContentLight(1000, 400))
    write(sink_for(tmp_path / f"out.{suffix}", codec=codec, preset=None), info, made)
    back = info_of(tmp_path / f"out.{suffix}")
    assert back.content_light == ContentLight(1000, 400)
    found = back.mastering
    assert found is not None
    for name in ("red", "green", "blue", "white"):
        for a, b in zip(getattr(found, name), getattr(MASTERING, name), strict=True):
            assert abs(a - b) < Fraction(1, 30000)
    assert found.max_luminance == 1000
    assert abs(found.min_luminance - Fraction(1, 200)) < Fraction(1, 10000)


def test_what_is_lost_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    info, made = frames("yuva444p16", 2, mastering=MASTERING)
    with caplog.at_level(logging.WARNING):
        write(sink_for(tmp_path / "out.mov"), info, made)
        write(sink_for(tmp_path / "out.mp4", preset="ultrafast"), info, made)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 4
    assert sum("16-bit" in text for text in said) == 2
    assert sum("prores_ks cannot hold HDR10" in text for text in said) == 1
    assert sum("transparency" in text for text in said) == 1
