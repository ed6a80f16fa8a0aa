from __future__ import annotations

import numpy as np
import pytest

from streamsr.training.metrics import luma, psnr, ssim, to_codes


def test_luma_of_primaries_is_bt601_limited() -> None:
    colors = np.array([[(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)]], np.uint8)
    np.testing.assert_array_equal(luma(colors), [[16, 235, 81, 145, 41]])


def test_psnr_by_hand() -> None:
    a = np.zeros((10, 10), np.uint8)
    b = a.copy()
    b[5, 5] = 10
    assert psnr(a, b) == pytest.approx(10 * np.log10(255**2 / 1.0))
    assert psnr(a, b, crop=2) == pytest.approx(10 * np.log10(255**2 * 36 / 100))
    b[0, :] = 255
    assert psnr(a, b, crop=2) == pytest.approx(10 * np.log10(255**2 * 36 / 100)), "the border does not count"
    assert psnr(a, a) == float("inf")


def test_ssim_agrees_with_scikit_image() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(0)
    a = rng.integers(0, 256, (40, 50), dtype=np.uint8)
    b = to_codes(a + rng.normal(0, 20, a.shape))
    _, theirs = metrics.structural_similarity(
        a.astype(float), b.astype(float), win_size=11, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        data_range=255, full=True,
    )  # fmt: skip
    assert ssim(a, b) == pytest.approx(theirs[5:-5, 5:-5].mean(), abs=1e-9)
    assert ssim(a, a) == pytest.approx(1.0)


def test_sizes_must_agree() -> None:
    with pytest.raises(ValueError, match="one size"):
        psnr(np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8))


def test_codes_round_half_up_and_clip() -> None:
    np.testing.assert_array_equal(to_codes(np.array([-3.0, 0.49, 0.5, 254.5, 300.0])), [0, 0, 1, 255, 255])
