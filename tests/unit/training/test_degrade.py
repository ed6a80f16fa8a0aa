from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from streamsr.training.degrade import bicubic, bicubic_real, mod_crop
from streamsr.training.images import read_rgb
from streamsr.training.metrics import luma, luma_real, psnr, to_codes


@pytest.mark.shared
@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("name", ["Set5", "Set14"])
def test_low_resolution_images_of_the_benchmarks_come_out_bit_for_bit(shared_data: Path, name: str, scale: int) -> None:
    folder = shared_data / "eval" / name
    for path in sorted((folder / f"LR_x{scale}").iterdir()):
        truth = next(p for p in (folder / f"HR_x{scale}" / path.name, folder / "HR" / path.name) if p.exists())
        made = bicubic(mod_crop(read_rgb(truth), scale), Fraction(1, scale))
        np.testing.assert_array_equal(made, read_rgb(path), err_msg=path.name)


@pytest.mark.shared
def test_ruler_reads_the_published_bicubic(shared_data: Path) -> None:
    """Published: 33.66 dB on Set5 x2."""
    scores = []
    for path in sorted((shared_data / "eval/Set5/LR_x2").iterdir()):
        truth = luma(read_rgb(shared_data / "eval/Set5/HR" / path.name))
        scores.append(psnr(to_codes(bicubic_real(luma_real(read_rgb(path)), 2)), truth, 2))
    assert np.mean(scores) == pytest.approx(33.66, abs=0.02)


def test_flat_images_stay_flat_and_sizes_round_up() -> None:
    image = np.full((5, 7, 3), 77, np.uint8)
    for scale, shape in ((Fraction(1, 2), (3, 4, 3)), (2, (10, 14, 3)), (Fraction(3, 2), (8, 11, 3))):
        made = bicubic(image, scale)
        assert made.shape == shape
        assert (made == 77).all()


def test_a_ramp_is_reproduced_between_the_borders() -> None:
    ramp = np.tile(np.arange(0, 200, 4, dtype=np.uint8), (6, 1))
    inner = bicubic_real(ramp, 2)[4, 10:-10]
    np.testing.assert_allclose(np.diff(inner), 2.0, atol=1e-12)


def test_rounding_happens_between_the_passes() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (32, 32), dtype=np.uint8)
    once = to_codes(bicubic_real(image, Fraction(1, 2)))
    twice = bicubic(image, Fraction(1, 2))
    assert 0 < (once != twice).mean() < 0.5
    assert np.abs(once.astype(int) - twice).max() == 1


def test_mod_crop() -> None:
    assert mod_crop(np.zeros((11, 13), np.uint8), 4).shape == (8, 12)
