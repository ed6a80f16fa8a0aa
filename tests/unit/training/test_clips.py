from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from streamsr.color import Color
from streamsr.errors import ConfigError
from streamsr.layout import PixelLayout
from streamsr.training.clips import RESTING, clip_from_image, read_clips
from streamsr.training.degrade import bicubic
from streamsr.training.images import at_sizes
from tests.clips import LOSSLESS, Planes, make_clip


def numbered(rows: int, columns: int) -> np.ndarray:
    """Every pixel tells its place: row in red, column in green."""
    y, x = np.mgrid[0:rows, 0:columns].astype(np.uint8)
    return np.stack([y, x, np.zeros_like(y)], axis=-1)


def test_every_frame_is_a_crop_and_the_pan_is_steady() -> None:
    image = numbered(120, 160)
    steps = []
    for seed in range(200):
        clip = clip_from_image(image, 6, np.random.default_rng(seed))
        corners = clip[:, 0, 0, :2].astype(int)
        for frame, (top, left) in zip(clip, corners, strict=True):
            np.testing.assert_array_equal(frame, image[top : top + clip.shape[1], left : left + clip.shape[2]])
        step = np.diff(corners, axis=0)
        assert (step == step[0]).all()
        assert clip.shape[1:3] == (120 - 5 * abs(step[0, 0]), 160 - 5 * abs(step[0, 1]))
        assert clip.shape[1] >= 90
        assert clip.shape[2] >= 120
        steps.append(step[0])
    still = np.mean([not step.any() for step in steps])
    assert RESTING < still < RESTING + 0.25  # slow movements round to none
    assert {tuple(np.sign(step)) for step in steps} == {(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)}


def test_one_frame_is_the_image() -> None:
    image = numbered(9, 11)
    np.testing.assert_array_equal(clip_from_image(image, 1, np.random.default_rng(0)), image[None])


def test_images_at_smaller_sizes() -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    whole, three, half = at_sizes(image, [1, "3/4", 0.5])
    np.testing.assert_array_equal(whole, image)
    np.testing.assert_array_equal(three, bicubic(image, Fraction(3, 4)))
    np.testing.assert_array_equal(half, bicubic(image, Fraction(1, 2)))


def test_runs_are_taken_from_the_right_places(tmp_path: Path) -> None:
    path = tmp_path / "video.mkv"
    planes = make_clip(path, **LOSSLESS, pix_fmt="gbrp10le", frames=23)
    truth = np.stack([np.stack([r, g, b], axis=-1) for g, b, r in planes]) / 1023 * 255
    runs = list(read_clips(path, 4, 10))
    assert len(runs) == 2  # the third would need frame 23
    for run, first in zip(runs, (0, 10), strict=True):
        assert np.abs(run - truth[first : first + 4]).max() < 1.5  # swscale dithers


RED = (200, 40, 60)
CODES = {
    ("bt709", "tv"): (80.81, 120.68, 197.47),
    ("smpte170m", "tv"): (93.40, 113.07, 196.85),
    ("bt709", "pc"): (75.46, 119.67, 207.08),
}
"""Y, Cb, Cr of `RED` in 8 bits, computed by hand from ITU-T H.273."""


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
@pytest.mark.parametrize("tags", CODES, ids=" ".join)
def test_colour_is_the_streams(tmp_path: Path, pix_fmt: str, tags: tuple[str, str]) -> None:
    def flat(index: int, width: int, height: int, layout: PixelLayout) -> Planes:
        del index
        unit = 1 << (layout.depth - 8)
        shapes = layout.plane_shapes(width, height)
        return tuple(
            np.full(shape, round(code * unit), layout.dtype) for shape, code in zip(shapes, CODES[tags], strict=True)
        )

    path = tmp_path / "video.mkv"
    make_clip(path, **LOSSLESS, pix_fmt=pix_fmt, frames=3, picture=flat, color=Color(matrix=tags[0], range=tags[1]))
    (run,) = read_clips(path, 3, 3)
    assert run.shape == (3, 48, 64, 3)
    assert np.abs(run.astype(int) - RED).max() <= 2


def test_runs_do_not_reach_across_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "video.mkv"
    make_clip(path, **LOSSLESS, frames=16, pts=[index + 1000 * (index >= 6) for index in range(16)])
    whole, broken = tmp_path / "whole.mkv", list(read_clips(path, 4, 4))
    make_clip(whole, **LOSSLESS, frames=16)
    expected = list(read_clips(whole, 4, 4))
    assert len(expected) == 4
    np.testing.assert_array_equal(np.stack(broken), np.stack([expected[0], expected[2], expected[3]]))


def test_a_run_begun_is_enough(tmp_path: Path) -> None:
    """The generator can be left, and the file is released."""
    path = tmp_path / "video.mkv"
    make_clip(path, **LOSSLESS, frames=40)
    runs = read_clips(path, 2, 4)
    assert next(runs).shape == (2, 48, 64, 3)
    runs.close()
    path.unlink()


@pytest.mark.parametrize(("frames", "every"), [(0, 4), (5, 4)])
def test_runs_that_cannot_be(tmp_path: Path, frames: int, every: int) -> None:
    with pytest.raises(ConfigError, match="may not overlap"):
        read_clips(tmp_path / "video.mkv", frames, every)


@pytest.mark.shared
def test_a_real_10_bit_film(shared_data: Path) -> None:
    run = next(read_clips(shared_data / "videos/rooftop_hevc10_1080p.mp4", 2, 2))
    assert run.shape == (2, 1080, 1920, 3)
    assert 60 < run.mean() < 200
    assert run.std() > 20
