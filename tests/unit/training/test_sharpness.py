from __future__ import annotations

import numpy as np
import pytest

from streamsr.training.sharpness import detail_energy, detail_ratio, gradient_energy, gradient_ratio, temporal_noise


def waves(*cycles: float, side: int = 96) -> np.ndarray:
    """Horizontal sine waves of amplitude 1 and `cycles` per pixel."""
    return np.tile(sum(np.sin(2 * np.pi * f * np.arange(side)) for f in cycles), (side, 1))


def blurred(image: np.ndarray) -> np.ndarray:
    padded = np.pad(image.astype(np.float64), 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    return windows.mean((2, 3))


def texture(side: int = 96) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.clip(
        128 + sum(np.kron(rng.normal(0, 20, (side // s,) * 2), np.ones((s, s))) for s in (1, 2, 4, 8)), 0, 255
    )


def test_gradient_energy_of_a_known_picture() -> None:
    image = np.array([[0, 1, 3], [2, 2, 2], [9, 9, 9]], np.uint8)
    # dx: 1 2 / 0 0, dy: 2 1 / 7 7
    assert gradient_energy(image) == pytest.approx((1 + 4 + 4 + 1 + 49 + 49) / 4)


def test_gradient_energy_of_a_ramp_and_of_a_flat_picture() -> None:
    ramp = 3.0 * np.arange(8)[None] + 4.0 * np.arange(6)[:, None]
    assert gradient_energy(ramp) == pytest.approx(25)
    assert gradient_energy(np.full((5, 5), 200, np.uint8)) == 0


def test_detail_energy_counts_only_what_lies_beyond_the_low_resolution() -> None:
    # a sine of amplitude 1 has variance 1/2; x2 keeps up to 1/4, x4 up to 1/8 cycles a pixel
    assert detail_energy(waves(1 / 3), 2) == pytest.approx(0.5, rel=1e-3)
    assert detail_energy(waves(1 / 6), 2) == pytest.approx(0, abs=1e-6)
    assert detail_energy(waves(1 / 6), 4) == pytest.approx(0.5, rel=1e-3)
    assert detail_energy(waves(1 / 3, 1 / 6, 1 / 16), 4) == pytest.approx(1, rel=1e-3)


def test_detail_energy_sees_both_axes_and_both_at_once() -> None:
    assert detail_energy(waves(1 / 3).T, 2) == pytest.approx(0.5, rel=1e-3)
    both = waves(1 / 3) * waves(1 / 3).T
    assert detail_energy(both, 2) == pytest.approx(0.25, rel=1e-3)


def test_detail_energy_of_white_noise_is_its_share_of_the_spectrum() -> None:
    noise = np.random.default_rng(0).normal(0, 3, (256, 256))
    assert detail_energy(noise, 2) == pytest.approx(9 * 3 / 4, rel=0.03)
    assert detail_energy(noise, 4) == pytest.approx(9 * 15 / 16, rel=0.03)


def test_borders_and_brightness_are_no_detail() -> None:
    ramp = np.arange(64.0)[None] + np.arange(64.0)[:, None]
    assert detail_energy(ramp + 100, 2) < 1e-4 * ramp.var()


@pytest.mark.parametrize("scale", [2, 4])
def test_the_figures_order_blurred_parent_and_sharp(scale: int) -> None:
    truth = texture()
    parent, blunt = blurred(truth), blurred(blurred(truth))
    sharp = parent + 0.7 * (truth - parent)
    noisy = truth + np.random.default_rng(1).normal(0, 15, truth.shape)
    for ratio in (gradient_ratio, lambda image, other: detail_ratio(image, other, scale)):
        figures = [ratio(image, truth) for image in (blunt, parent, sharp, truth, noisy)]
        assert figures == sorted(figures)
        assert figures[3] == pytest.approx(1)
        assert figures[1] < 0.75 * figures[2]
        assert figures[4] > 1.05


def test_temporal_noise_is_the_mean_of_each_pixels_deviation() -> None:
    frames = np.array([[[1, 10]], [[3, 10]], [[1, 40]], [[3, 40]]], np.uint8)
    assert temporal_noise(frames) == pytest.approx((1 + 15) / 2)


def test_temporal_noise_ignores_the_picture_and_measures_the_noise() -> None:
    rng = np.random.default_rng(0)
    still = texture()
    assert temporal_noise(np.repeat(still[None].astype(np.uint8), 5, 0)) == 0
    moving = [still + rng.normal(0, 2, still.shape) for _ in range(64)]
    assert temporal_noise(np.stack(moving)) == pytest.approx(2, rel=0.03)
