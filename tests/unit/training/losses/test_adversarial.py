from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.training.losses import ADVERSARIAL  # noqa: E402
from streamsr.training.losses.adversarial import r1  # noqa: E402

pytestmark = pytest.mark.torch

REAL = np.array([2.0, -0.5, 0.25])
FAKE = np.array([-1.5, 0.75, 3.0])
D_REAL, D_FAKE = 1 / (1 + np.exp(-REAL)), 1 / (1 + np.exp(-FAKE))

# (discriminator, generator) by the formulas as the papers write them, with probabilities
EXPECTED = {
    "minimax": (-np.log(D_REAL).mean() - np.log(1 - D_FAKE).mean(), np.log(1 - D_FAKE).mean()),
    "nonsaturating": (-np.log(D_REAL).mean() - np.log(1 - D_FAKE).mean(), -np.log(D_FAKE).mean()),
    "least_squares": (((REAL - 1) ** 2).mean() / 2 + (FAKE**2).mean() / 2, ((FAKE - 1) ** 2).mean() / 2),
    "hinge": (-np.minimum(0, REAL - 1).mean() - np.minimum(0, -FAKE - 1).mean(), -FAKE.mean()),
}
# d loss / d fake logit of the generator, times the number of logits
SLOPES = {
    "minimax": -D_FAKE,
    "nonsaturating": D_FAKE - 1,
    "least_squares": FAKE - 1,
    "hinge": -np.ones(3),
}


def test_every_loss_is_checked() -> None:
    assert set(ADVERSARIAL) == set(EXPECTED) == set(SLOPES)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_values_are_those_of_the_papers(name: str) -> None:
    loss, real, fake = ADVERSARIAL.load(name), torch.from_numpy(REAL), torch.from_numpy(FAKE)
    discriminator, generator = EXPECTED[name]
    assert loss.discriminator(real, fake).item() == pytest.approx(discriminator, rel=1e-12)
    assert loss.generator(fake).item() == pytest.approx(generator, rel=1e-12)


@pytest.mark.parametrize("name", sorted(SLOPES))
def test_the_generators_slope(name: str) -> None:
    fake = torch.from_numpy(FAKE).requires_grad_()
    ADVERSARIAL.load(name).generator(fake).backward()
    assert fake.grad is not None
    np.testing.assert_allclose(fake.grad.numpy() * 3, SLOPES[name], rtol=1e-12)


@pytest.mark.parametrize("name", sorted(EXPECTED))
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_sure_logits_overflow_nothing(name: str, size: float) -> None:
    loss = ADVERSARIAL.load(name)
    real, fake = torch.full((2, 1), -size), torch.full((2, 1), size, requires_grad=True)
    total = loss.discriminator(real, fake) + loss.generator(fake)
    total.backward()
    assert fake.grad is not None
    assert torch.isfinite(total)
    assert torch.isfinite(fake.grad).all()


def test_minimax_saturates_where_the_other_does_not() -> None:
    slopes = {}
    for name in ("minimax", "nonsaturating"):
        fake = torch.tensor([-20.0], requires_grad=True)
        ADVERSARIAL.load(name).generator(fake).backward()
        assert fake.grad is not None
        slopes[name] = fake.grad.item()
    assert abs(slopes["minimax"]) < 1e-8
    assert slopes["nonsaturating"] == pytest.approx(-1)


def test_value_does_not_depend_on_the_number_of_logits() -> None:
    real, fake = torch.from_numpy(REAL), torch.from_numpy(FAKE)
    for name in EXPECTED:
        loss = ADVERSARIAL.load(name).discriminator
        many = loss(real.repeat(4, 5).reshape(4, 1, 5, 3), fake.repeat(4, 5).reshape(4, 1, 5, 3))
        assert many.item() == pytest.approx(loss(real, fake).item())


def test_accuracy_counts_each_side_by_itself() -> None:
    real, fake = torch.tensor([3.0, 0.7, 0.2, -1.0]), torch.tensor([-1.0, 0.2, 0.4, 0.6])
    assert ADVERSARIAL.load("hinge").accuracy(real, fake) == pytest.approx((0.75, 0.25))
    assert ADVERSARIAL.load("least_squares").accuracy(real, fake) == pytest.approx((0.5, 0.75))


def test_a_constant_discriminator_is_half_right() -> None:
    constant = torch.zeros(2, 1, 3, 3)
    assert ADVERSARIAL.load("nonsaturating").accuracy(constant, constant) == (0.5, 0.5)


class Quadratic(torch.nn.Module):
    """One logit per pixel, `a x^2 / 2`: the slope of the mean logit is `a x / pixels`."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = torch.nn.Parameter(torch.tensor(a))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.dtype == torch.float32
        return self.a * x * x / 2


def test_r1_of_a_known_discriminator() -> None:
    real = torch.rand(2, 1, 3, 4, generator=torch.Generator().manual_seed(0))
    discriminator = Quadratic(1.5)
    penalty = r1(discriminator, real)
    expected = 1.5**2 * (real.numpy() / 12) ** 2
    assert penalty.item() == pytest.approx(expected.sum((1, 2, 3)).mean() / 2, rel=1e-6)
    penalty.backward()
    assert discriminator.a.grad is not None
    assert discriminator.a.grad.item() == pytest.approx(2 * penalty.item() / 1.5, rel=1e-6)


def test_r1_ignores_autocast_and_leaves_the_images_alone() -> None:
    torch.manual_seed(0)
    discriminator = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.SiLU(), torch.nn.Conv2d(4, 1, 3))
    real = torch.rand(2, 1, 8, 8)
    plain = r1(discriminator, real)
    with torch.autocast("cpu", torch.bfloat16):
        autocast = r1(discriminator, real)
    assert autocast.item() == plain.item() > 0
    assert autocast.dtype == torch.float32
    assert not real.requires_grad


def test_r1_against_finite_differences() -> None:
    torch.manual_seed(1)
    discriminator = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(9, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)
    )
    real = torch.rand(1, 1, 3, 3)
    step, slopes = 1e-4, []
    wide = discriminator.double()
    for index in range(9):
        shift = torch.zeros(1, 1, 3, 3, dtype=torch.float64)
        shift.view(-1)[index] = step
        slopes.append(((wide(real.double() + shift) - wide(real.double() - shift)) / (2 * step)).item())
    expected = np.square(slopes).sum() / 2
    assert r1(discriminator.float(), real).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "cost"),
    [("minimax", 2 * np.log(2)), ("nonsaturating", 2 * np.log(2)), ("least_squares", 0.25), ("hinge", 2.0)],
)
def test_ignorance_is_the_least_a_constant_discriminator_can_pay(name: str, cost: float) -> None:
    loss = ADVERSARIAL.load(name)
    assert loss.ignorance == pytest.approx(cost)
    constants = torch.linspace(-2, 2, 81)
    assert min(loss.discriminator(value, value).item() for value in constants) == pytest.approx(cost)
