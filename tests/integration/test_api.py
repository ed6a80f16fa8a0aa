"""The Python API and the examples."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

import streamsr
from streamsr.errors import ConfigError, MismatchError
from tests.clips import LOSSLESS, make_clip

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_public_names() -> None:
    assert len(streamsr.__all__) <= 12
    for name in streamsr.__all__:
        assert getattr(streamsr, name).__doc__
    with pytest.raises(AttributeError):
        _ = streamsr.no_such_name  # type: ignore[attr-defined]


def test_a_file(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mkv", frames=4, **LOSSLESS)
    report = streamsr.upscale(tmp_path / "in.mkv", tmp_path / "out.mkv", codec="ffv1", frames=3)
    assert report.frames == 3
    with pytest.raises(ConfigError, match="unknown option 'crv'"):
        streamsr.upscale(tmp_path / "in.mkv", tmp_path / "other.mkv", crv=3)
    with pytest.raises(ConfigError, match="output"):
        streamsr.upscale(tmp_path / "in.mkv")  # type: ignore[call-overload]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [None, 3, 4])
def test_an_image(dtype: type[np.uint8 | np.uint16], channels: int | None) -> None:
    peak = np.iinfo(dtype).max
    shape = (18, 26) if channels is None else (18, 26, channels)
    ramp = np.broadcast_to(np.linspace(0.2, 0.8, 26).reshape((1, 26) + (1,) * (len(shape) - 2)), shape)
    image = (ramp * peak).astype(dtype)
    large = streamsr.upscale(image)
    assert large.dtype == dtype
    assert large.shape == (36, 52, *shape[2:])
    # a smooth ramp stays one: every 2x2 cell is its pixel
    means = large.reshape(18, 2, 26, 2, -1).astype(float).mean(axis=(1, 3)).reshape(shape)
    assert np.abs(means - image)[2:-2, 2:-2].max() < 0.02 * peak


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4), np.uint8)]
)
def test_other_arrays_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(MismatchError, match="an image is"):
        streamsr.upscale(bad)


def test_a_loop_over_frames(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mkv", frames=6, **LOSSLESS)
    with streamsr.frames(tmp_path / "in.mkv", pix_fmt="rgb24") as video:
        shapes = [frame.planes[0].shape for frame in video]
    assert shapes == [(96, 128, 3)] * 6
    with streamsr.frames(tmp_path / "in.mkv") as video:
        first = next(video)  # leaving early ends the threads
    assert first.layout.name == "yuv420p"
    assert first.cut


def test_the_examples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    make_clip(clip, frames=5)
    runpy.run_path(str(EXAMPLES / "upscale_file.py"))["main"](str(clip), str(out))
    assert "5 frames" in capsys.readouterr().out
    runpy.run_path(str(EXAMPLES / "upscale_image.py"))["main"]()
    assert "(90, 160, 3) -> (180, 320, 3) uint8" in capsys.readouterr().out
    runpy.run_path(str(EXAMPLES / "frame_loop.py"))["main"](str(clip))
    assert len(capsys.readouterr().out.splitlines()) == 5
    for example in EXAMPLES.glob("*.py"):
        assert example.read_text().count("\n") < 30
