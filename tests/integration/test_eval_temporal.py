"""`streamsr eval temporal` on files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamsr.layout import PixelLayout
from tests.clips import LOSSLESS, Planes, make_clip, picture
from tests.integration.conftest import Run


def flicker(gain: float) -> Callable[[int, int, int, PixelLayout], Planes]:
    """The clip's picture, darker in every second frame."""

    def make(index: int, width: int, height: int, layout: PixelLayout) -> Planes:
        luma, *chroma = picture(index, width, height, layout)
        return (luma * (1 - gain * (index % 2))).astype(luma.dtype), *chroma

    return make


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    common = {**LOSSLESS, "pix_fmt": "yuv444p"}
    make_clip("in.mkv", **common)
    make_clip("out.mkv", **common, picture=flicker(0.05))
    make_clip("wild.mkv", **common, picture=flicker(0.2))
    make_clip("large.mkv", **common, width=128, height=96, picture=flicker(0.05))
    make_clip("short.mkv", **common, frames=9)
    make_clip("small.mkv", **common, width=32, height=24)
    make_clip("wide.mkv", **common, width=128, height=48)
    make_clip("one.mkv", **common, frames=1)
    make_clip("gray.mkv", **LOSSLESS, pix_fmt="gray")
    make_clip("deep.mkv", **LOSSLESS, pix_fmt="yuv420p10le")
    return tmp_path


def measured(run: Run, capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    assert run("eval", "temporal", *arguments, "--json", "-q") == 0
    return json.loads(capsys.readouterr().out)


def test_a_video_is_measured_against_its_reference(run: Run, clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    score = measured(run, capsys, "in.mkv", "out.mkv", "--reference", "wild.mkv")
    assert (score["frames"], score["pairs"], score["cuts"], score["ghosts"]) == (12, 11, [], [])
    assert score["e_warp_source"] < score["e_warp"] < score["e_warp_reference"]
    assert 1 < score["sharpness"] < 1.2, "less of it is dark"
    assert score["e_n"] == pytest.approx(score["e_warp"] / score["sharpness"] ** 2)
    same = measured(run, capsys, "in.mkv", "in.mkv")
    assert same["e_warp"] == same["e_warp_source"] == same["e_n"]
    assert (same["e_warp_reference"], same["ghosts"], same["psnr_occluded"]) == (None, None, None)


def test_a_larger_video_is_measured_at_the_size_of_the_input(
    run: Run, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large, plain = (measured(run, capsys, "in.mkv", name) for name in ("large.mkv", "out.mkv"))
    assert large["e_warp"] == pytest.approx(plain["e_warp"], rel=0.2)


def test_the_table_and_the_pictures(run: Run, clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["in.mkv", "out.mkv", "--reference", "wild.mkv", "--plot", "plot.png", "--strip", "strip.png"]
    assert run("eval", "temporal", *arguments) == 0
    said = capsys.readouterr()
    for word in ("E_warp", "unsmoothed", "E_n, times lower", "12 frames, 11 pairs", "in units of the unsmoothed video"):
        assert word in said.out
    assert "frame 12/12" in said.err
    assert cv2.imread("plot.png").shape[1] > 600
    assert cv2.imread("strip.png").shape[1] == 5 * (64 + 4)
    assert run("eval", "temporal", *arguments) == 1
    assert "exists; add --overwrite" in capsys.readouterr().err
    assert run("eval", "temporal", "in.mkv", "out.mkv", "-q") == 0
    assert "in units of the input" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["gray.mkv", "deep.mkv"])
def test_gray_and_10_bit(run: Run, clips: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    score = measured(run, capsys, name, name, "--reference", name)
    assert score["sharpness"] == 1
    assert score["psnr_occluded"] is None, "infinite: JSON has no word for it"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in.mkv", "short.mkv"], "short.mkv ends after 9 frames, in.mkv goes on"),
        (["short.mkv", "out.mkv"], "short.mkv ends after 9 frames, out.mkv goes on"),
        (["in.mkv", "small.mkv"], "small.mkv is 32x24, the input 64x48: what is smaller cannot be measured"),
        (["in.mkv", "wide.mkv"], "wide.mkv is 128x48, the input 64x48: they are not of one shape"),
        (["in.mkv", "out.mkv", "--reference", "wide.mkv"], "wide.mkv is 128x48"),
        (["one.mkv", "one.mkv"], "there is 1 frame: how still a video holds shows from two frames"),
        (["gone.mkv", "one.mkv"], "gone.mkv"),
    ],
)
def test_what_cannot_be_measured(
    run: Run, clips: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run("eval", "temporal", *arguments, "--plot", "plot.png", "-q") == 1
    assert message in capsys.readouterr().err
    assert not (clips / "plot.png").exists()


def test_the_input_is_not_changed(run: Run, clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = np.fromfile("in.mkv", np.uint8)
    measured(run, capsys, "in.mkv", "out.mkv")
    assert np.array_equal(np.fromfile("in.mkv", np.uint8), before)
