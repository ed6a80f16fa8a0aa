from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from streamsr.training.losses import LOSSES  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("name", "expected"),
    [("l1", 1.5), ("mse", 2.5), ("charbonnier", ((1 + 1e-6) ** 0.5 + (4 + 1e-6) ** 0.5) / 2 - 1e-3)],
)
def test_values(name: str, expected: float) -> None:
    output, target = torch.tensor([1.0, 2.0], dtype=torch.float64), torch.tensor([2.0, 4.0], dtype=torch.float64)
    assert LOSSES.load(name)(output, target).item() == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_gradients(name: str) -> None:
    torch.manual_seed(0)
    output = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(LOSSES.load(name), (output, torch.zeros(2, 3, dtype=torch.float64)))


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_equal_images_cost_nothing(name: str) -> None:
    image = torch.rand(2, 1, 4, 4)
    assert LOSSES.load(name)(image, image.clone()).item() == pytest.approx(0, abs=1e-9)
