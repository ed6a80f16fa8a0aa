from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from streamsr.analysis.temporal.metrics import decibels, detail, squared_errors, warp_error
from streamsr.analysis.temporal.steps import Motion


def still(rows: int, columns: int) -> Motion:
    return Motion(np.zeros((rows, columns, 2), np.float32), np.zeros((rows, columns, 2), np.float32))


def pan(rows: int, columns: int, x: float, y: float) -> Motion:
    there = np.broadcast_to(np.array([x, y], np.float32), (rows, columns, 2)).copy()
    return Motion(there, -there)


def test_what_moves_along_has_no_error() -> None:
    large = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    first, second = large[:40, :50], large[3:43, 5:55]
    motion = pan(40, 50, -5, -3)
    motion.kept[:3], motion.kept[:, :5] = False, False  # from beyond the border
    assert warp_error(first, second, motion) == 0
    assert warp_error(first, second, still(40, 50)) > 0.1


def test_noise_costs_twice_its_variance() -> None:
    rng, sigma = np.random.default_rng(1), 9 / 255
    first, second = (np.rint(rng.normal(128, 255 * sigma, (200, 300, 3))).astype(np.uint8) for _ in range(2))
    rounding = 1 / 12 / 255**2
    assert warp_error(first, second, still(200, 300)) == pytest.approx(2 * (sigma**2 + rounding), rel=0.01)


def test_the_mean_is_over_what_both_show_and_over_channels() -> None:
    first = np.zeros((10, 20, 3), np.uint8)
    second = first.copy()
    second[:, :5, 0] = 255  # a quarter of the picture, one of three channels
    motion = still(10, 20)
    assert warp_error(first, second, motion) == pytest.approx(1 / 12)
    motion.kept[:, 10:] = False
    assert warp_error(first, second, motion) == pytest.approx(1 / 6)
    motion.kept[:] = False
    assert warp_error(first, second, motion) == 0


def test_detail_is_the_mean_laplacian() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (12, 15, 3), dtype=np.uint8)
    luma = picture.astype(float) @ [0.299, 0.587, 0.114] / 255
    wide = np.pad(luma, 1, mode="reflect")
    laplacian = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * luma
    assert detail(picture) == pytest.approx(np.abs(laplacian).mean(), rel=1e-5)
    assert detail(cv2.blur(picture, (3, 3))) < 0.5 * detail(picture)
    assert detail(np.full((8, 8, 3), 90, np.uint8)) == pytest.approx(0, abs=1e-6)


def test_decibels() -> None:
    dark, light = np.full((4, 5, 3), 10, np.uint8), np.full((4, 5, 3), 61, np.uint8)
    errors = squared_errors(light, dark)
    assert errors.shape == (4, 5)
    assert decibels(float(errors.mean())) == pytest.approx(-20 * math.log10(0.2), abs=1e-4)
    assert decibels(0.0) == math.inf
