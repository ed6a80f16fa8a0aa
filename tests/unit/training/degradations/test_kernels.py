from __future__ import annotations

import numpy as np
import pytest

from streamsr.training.degradations.kernels import bessel_j1, bump, sinc


@pytest.mark.parametrize(
    ("x", "value"),
    [
        (0.0, 0.0),
        (1.0, 0.4400505857449335),
        (2.0, 0.5767248077568734),
        (5.0, -0.3275791375914652),
        (3.831705970207512, 0.0),
        (44.5, -0.1107),
    ],
)
def test_bessel_has_its_tabulated_values(x: float, value: float) -> None:
    """Abramowitz and Stegun, table 9.1 and 9.5; the last by its asymptotic series (9.2.1)."""
    assert bessel_j1(np.array(x)) == pytest.approx(value if x < 40 else _far(x), abs=1e-12 if x < 40 else 1e-5)


def _far(x: float) -> float:
    """Hankel's expansion of J1 to the order 1 / x^3."""
    chi = x - 0.75 * np.pi
    p, q = 1 + 15 / (128 * x**2), 3 / (8 * x) - 105 / (1024 * x**3)
    return float(np.sqrt(2 / (np.pi * x)) * (p * np.cos(chi) - q * np.sin(chi)))


@pytest.mark.parametrize("shape", ["gaussian", "generalized", "plateau"])
def test_bumps_sum_to_one_and_look_alike_from_both_sides(shape: str) -> None:
    kernel = bump(13, (2.0, 1.0), 0.6, shape, 1.7)
    assert kernel.sum() == pytest.approx(1)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1])
    assert kernel.max() == kernel[6, 6]
    assert kernel.min() >= 0


def test_a_gaussian_has_its_standard_deviations_along_its_axes() -> None:
    y, x = np.mgrid[-20:21, -20:21]
    kernel = bump(41, (3.0, 1.5), 0.0)
    assert (kernel * x**2).sum() == pytest.approx(9.0, rel=1e-3)
    assert (kernel * y**2).sum() == pytest.approx(2.25, rel=1e-3)
    turned = bump(41, (3.0, 1.5), np.pi / 6)
    covariance = (turned * x * y).sum()
    assert covariance == pytest.approx((9 - 2.25) * np.sin(np.pi / 6) * np.cos(np.pi / 6), rel=1e-3)


def test_exponents_bend_the_bell() -> None:
    np.testing.assert_allclose(bump(9, (1.5, 1.5), 0, "generalized", 1.0), bump(9, (1.5, 1.5), 0))
    flat, peaked = (bump(21, (3, 3), 0, "generalized", beta)[10] for beta in (4.0, 0.5))
    assert flat[8] / flat[10] > 0.98 > 0.75 > peaked[8] / peaked[10]  # exp(-q^4 / 2), exp(-sqrt(q) / 2) at q = 4 / 9
    plateau = bump(21, (3, 3), 0, "plateau", 2.0)[10]
    assert plateau[13] / plateau[10] == pytest.approx(0.5)  # half the height at one standard deviation


def test_sinc_passes_what_is_below_its_cutoff_and_stops_the_rest() -> None:
    kernel = sinc(41, np.pi / 2)
    assert kernel.sum() == pytest.approx(1)
    assert kernel.min() < 0
    wave = np.arange(41) - 20
    for frequency, gain in ((np.pi / 4, 1.0), (0.8 * np.pi, 0.0)):
        assert (kernel * np.cos(frequency * wave)[None, :]).sum() == pytest.approx(gain, abs=0.12)


def test_sinc_in_the_middle_is_its_limit() -> None:
    kernel = sinc(5, 2.0)
    assert kernel[2, 2] / kernel[2, 3] == pytest.approx(1.0 / 0.5767248077568734)
