"""What each piece does to pixels."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from streamsr.training.degradations.bicubic import Bicubic
from streamsr.training.degradations.blur import Blur, convolved, drawn_size
from streamsr.training.degradations.jpeg import Jpeg
from streamsr.training.degradations.kernels import bump
from streamsr.training.degradations.noise import Noise
from streamsr.training.degradations.resize import Resize, ResizeTo
from streamsr.training.degradations.sinc import Sinc
from streamsr.training.degrade import bicubic


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_is_matlabs_frame_by_frame(scale: int, clip: np.ndarray, rng: np.random.Generator) -> None:
    made = Bicubic(scale)(clip, rng)
    np.testing.assert_array_equal(made, np.stack([bicubic(frame, Fraction(1, scale)) for frame in clip]))


def test_resize_draws_within_its_range(clip: np.ndarray, rng: np.random.Generator) -> None:
    piece = Resize(factor=(0.5, 1.5), shrink=0.5, enlarge=0.3)
    heights = np.array([piece(clip[:1], rng).shape[1] for _ in range(300)]) / clip.shape[1]
    assert 0.5 <= heights.min() < 0.56
    assert 1.44 < heights.max() <= 1.5
    assert (heights < 1).mean() == pytest.approx(0.5, abs=0.1)
    assert (heights > 1).mean() == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("filter_", ["area", "bilinear", "bicubic", "lanczos"])
def test_resize_keeps_place_and_light(filter_: str, clip: np.ndarray, rng: np.random.Generator) -> None:
    soft = convolved(clip, bump(21, (4.0, 4.0), 0.0))
    back = ResizeTo(1, ("bilinear",), original=(72, 96))(ResizeTo(2, (filter_,))(soft, rng), rng)
    assert np.abs(back.astype(int) - soft)[:, 4:-4, 4:-4].mean() < 1.0


def test_area_is_the_mean_of_what_it_covers(clip: np.ndarray, rng: np.random.Generator) -> None:
    means = clip.reshape(5, 36, 2, 48, 2, 3).mean((2, 4))
    assert np.abs(ResizeTo(2, ("area",))(clip, rng) - means).max() <= 0.5


def test_sides_that_do_not_divide_round_up(clip: np.ndarray, rng: np.random.Generator) -> None:
    assert ResizeTo(2)(clip[:, :71, :93], rng).shape == (5, 36, 47, 3)
    assert Bicubic(2)(clip[:, :71, :93], rng).shape == (5, 36, 47, 3)


def test_blur_spreads_a_point_as_its_kernel(rng: np.random.Generator) -> None:
    point = np.zeros((1, 31, 31, 3), np.uint8)
    point[:, 15, 15] = 255
    made = Blur(size=(21, 21), sigma=(2.0, 2.0), elongated=0, generalized=0, plateau=0)(point, rng)
    expected = bump(21, (2.0, 2.0), 0.0) * 255
    assert np.abs(made[0, 5:26, 5:26, 1] - expected).max() <= 0.5 + 1e-6


def test_kernel_sizes_are_odd_and_reach_both_ends(rng: np.random.Generator) -> None:
    assert {drawn_size((7, 13), rng) for _ in range(200)} == {7, 9, 11, 13}


def test_shapes_of_blur_have_their_shares(rng: np.random.Generator) -> None:
    drawn = [Blur(generalized=0.2, plateau=0.3)._shape(rng)[0] for _ in range(1000)]
    assert drawn.count("generalized") / 1000 == pytest.approx(0.2, abs=0.05)
    assert drawn.count("plateau") / 1000 == pytest.approx(0.3, abs=0.05)


def test_sinc_rings_at_an_edge(rng: np.random.Generator) -> None:
    edge = np.full((1, 40, 40, 3), 60, np.uint8)
    edge[:, :, 20:] = 190
    made = Sinc(size=(21, 21), cutoff=(1.5, 1.5))(edge, rng)
    assert made.max() > 195
    assert made.min() < 55


@pytest.mark.parametrize("gray", [0.0, 1.0])
def test_gaussian_noise_has_its_strength_and_is_new_in_every_frame(gray: float, rng: np.random.Generator) -> None:
    flat = np.full((4, 64, 64, 3), 128, np.uint8)
    noise = Noise(poisson=0, sigma=(10.0, 10.0), gray=gray)(flat, rng).astype(int) - 128
    assert noise.std() == pytest.approx(10, abs=0.3)
    assert abs(noise.mean()) < 0.3
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.05
    assert (noise[..., 0] == noise[..., 1]).all() == bool(gray)


@pytest.mark.parametrize("gray", [0.0, 1.0])
def test_poisson_noise_grows_with_the_light(gray: float, rng: np.random.Generator) -> None:
    for value in (0, 25, 100, 196):
        flat = np.full((2, 64, 64, 3), value, np.uint8)
        noise = Noise(poisson=1, strength=(1.0, 1.0), gray=gray)(flat, rng).astype(int) - value
        assert noise.std() == pytest.approx(np.sqrt(value), rel=0.05, abs=1e-9)
        assert (noise[..., 0] == noise[..., 2]).all() == (bool(gray) or value == 0)


def test_kinds_of_noise_have_their_shares(rng: np.random.Generator) -> None:
    """Black pictures tell the two apart: there are no photons in the dark."""
    black = np.zeros((1, 16, 16, 3), np.uint8)
    dark = [not Noise(poisson=0.3, sigma=(20.0, 20.0))(black, rng).any() for _ in range(300)]
    assert np.mean(dark) == pytest.approx(0.3, abs=0.1)


def test_jpeg_is_opencvs_and_gets_worse_with_lower_quality(clip: np.ndarray, rng: np.random.Generator) -> None:
    errors = []
    for quality in (95, 60, 30):
        made = Jpeg((quality, quality))(clip, rng)
        data = cv2.imencode(".jpg", cv2.cvtColor(clip[1], cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        np.testing.assert_array_equal(made[1], cv2.cvtColor(cv2.imdecode(data, 1), cv2.COLOR_BGR2RGB))
        errors.append(float(np.square(made.astype(float) - clip).mean()))
    assert errors == sorted(errors)
    assert 0 < errors[0] < errors[2] / 2


def test_jpeg_draws_from_its_whole_range(clip: np.ndarray, rng: np.random.Generator) -> None:
    small = clip[:1, :16, :16]
    made = {Jpeg((50, 52))(small, rng).tobytes() for _ in range(60)}
    assert made == {Jpeg((quality, quality))(small, rng).tobytes() for quality in (50, 51, 52)}
