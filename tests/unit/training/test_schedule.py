from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from streamsr.training.losses import l1, mse  # noqa: E402
from streamsr.training.recipe import LossSection, OptimSection  # noqa: E402
from streamsr.training.schedule import learning_rate, loss_schedule  # noqa: E402

pytestmark = pytest.mark.torch


def test_the_rate_climbs_then_falls_to_its_end() -> None:
    optim = OptimSection(steps=1000, lr=4e-3)
    rates = [learning_rate(step, optim) for step in range(1000)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[9] == max(rates) == optim.lr
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(optim.lr_end, abs=1e-5)


def test_the_last_steps_minimise_the_finishing_loss() -> None:
    loss_at = loss_schedule(LossSection({"l1": 1.0}, {"mse": 3.0, "l1": 0.5}, 0.25), 8)
    output, target = torch.rand(1, 1, 4, 4), torch.rand(1, 1, 4, 4)
    early, late = l1(output, target), 3 * mse(output, target) + 0.5 * l1(output, target)
    for step, expected in enumerate([early] * 6 + [late] * 2):
        assert loss_at(step)(output, target).item() == pytest.approx(expected.item())
