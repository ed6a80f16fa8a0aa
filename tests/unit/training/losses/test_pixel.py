from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.training.losses import LOSSES  # noqa: E402

pytestmark = pytest.mark.torch

OUTPUT = torch.tensor([[0.1, 0.2], [0.3, 0.4]], dtype=torch.float64)
TARGET = torch.tensor([[0.1, 0.4], [0.2, 0.0]], dtype=torch.float64)
# the difference is [[0, -0.2], [0.1, 0.4]]: its 2 x 2 DFT is its sum and three signed sums, halved
SPECTRUM = [0.3, -0.1, -0.7, 0.5]


def charbonnier_of(*differences: float) -> float:
    return sum(math.sqrt(d * d + 1e-6) - 1e-3 for d in differences) / len(differences)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("l1", 0.7 / 4),
        ("mse", 0.21 / 4),
        ("charbonnier", charbonnier_of(0, 0.2, 0.1, 0.4)),
        ("fft", sum(abs(value) / 2 for value in SPECTRUM) / 4),
        ("psnr", 0.0025 * (10 * math.log10(0.02 + 1e-8) + 10 * math.log10(0.085 + 1e-8) + 160) / 2),
    ],
)
def test_values(name: str, expected: float) -> None:
    assert LOSSES.load(name)(OUTPUT, TARGET).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_gradients(name: str) -> None:
    torch.manual_seed(0)
    output = torch.rand(2, 3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(LOSSES.load(name), (output, torch.zeros(2, 3, 5, dtype=torch.float64)))


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_equal_images_cost_nothing_and_pull_nowhere(name: str) -> None:
    image = torch.rand(2, 1, 4, 4, requires_grad=True)
    loss = LOSSES.load(name)(image, image.detach().clone())
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-9)
    assert image.grad is not None
    assert image.grad.abs().max() == 0


def test_fft_is_the_l1_of_numpys_spectra() -> None:
    rng = np.random.default_rng(0)
    output, target = rng.random((2, 3, 6, 8)), rng.random((2, 3, 6, 8))
    expected = np.abs(np.fft.rfft2(output) - np.fft.rfft2(target)).mean() / math.sqrt(6 * 8)
    loss = LOSSES.load("fft")(torch.from_numpy(output), torch.from_numpy(target))
    assert loss.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("side", [16, 64, 256])
def test_fft_of_noise_is_as_large_as_its_l1_at_every_size(side: int) -> None:
    noise = torch.randn(4, 1, side, side, generator=torch.Generator().manual_seed(side))
    zero = torch.zeros_like(noise)
    ratio = LOSSES.load("fft")(noise, zero) / LOSSES.load("l1")(noise, zero)
    assert ratio.item() == pytest.approx(math.sqrt(math.pi) / 2 / math.sqrt(2 / math.pi), rel=0.04)


def test_fft_accepts_half_precision() -> None:
    image = torch.rand(1, 1, 8, 8)
    expected = LOSSES.load("fft")(image.bfloat16().float(), torch.zeros(1, 1, 8, 8))
    loss = LOSSES.load("fft")(image.bfloat16(), torch.zeros(1, 1, 8, 8, dtype=torch.bfloat16))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item())


def test_psnr_falls_by_its_scale_times_the_decibels_gained() -> None:
    target = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    worse, better = (LOSSES.load("psnr")(target + error, target) for error in (0.1, 0.01))
    assert (worse - better).item() == pytest.approx(0.0025 * 20, rel=1e-3)


def test_psnr_pulls_as_hard_as_l1_at_33_db() -> None:
    rmse = 10 ** (-33 / 20)
    slopes = []
    for name in ("psnr", "l1"):
        output = torch.full((1, 1, 8, 8), rmse, dtype=torch.float64, requires_grad=True)
        LOSSES.load(name)(output, torch.zeros_like(output)).backward()
        assert output.grad is not None
        slopes.append(output.grad.norm().item())
    assert slopes[0] == pytest.approx(slopes[1], rel=0.05)
