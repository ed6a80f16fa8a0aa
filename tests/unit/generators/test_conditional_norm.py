"""Normalization by each picture, tracking, freezing."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from streamsr.errors import ConfigError  # noqa: E402
from streamsr.generators.conditional_norm import Affine, ConditionalNorm, freeze  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture
def norm() -> ConditionalNorm:
    """Three rows of four channels, no two alike."""
    torch.manual_seed(0)
    made = ConditionalNorm(4, 3)
    with torch.no_grad():
        made.gamma.uniform_(0.5, 2)
        made.beta.normal_()
    return made


def pictures(count: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    loudness = torch.rand(count, 4, 1, 1, generator=generator) * 3
    return loudness + (1 + loudness) * torch.randn(count, 4, 9, 7, generator=generator)


def test_each_picture_is_normalized_by_itself(norm: ConditionalNorm) -> None:
    x = pictures(3)
    for row in range(3):
        mix = torch.eye(3)[row : row + 1]
        wanted = F.instance_norm(x, weight=norm.gamma[row], bias=norm.beta[row])
        torch.testing.assert_close(norm.eval()(x, mix), wanted, atol=1e-5, rtol=1e-5)
    per_picture = norm(x, torch.eye(3))
    torch.testing.assert_close(per_picture[1:2], norm(x[1:2], torch.eye(3)[1:2]))


def test_a_mix_has_the_mixed_scale_and_shift(norm: ConditionalNorm) -> None:
    x, mix = pictures(2), torch.tensor([[0.2, 0.5, 0.3]])
    wanted = F.instance_norm(x, weight=(mix @ norm.gamma)[0], bias=(mix @ norm.beta)[0])
    torch.testing.assert_close(norm.eval()(x, mix), wanted, atol=1e-5, rtol=1e-5)


def test_statistics_are_those_of_pictures_of_one_row_alone(norm: ConditionalNorm) -> None:
    x = pictures(6)
    mix = torch.eye(3)[[0, 2, 0, 1, 0, 1]]
    mix[3] = torch.tensor([0.5, 0.5, 0])  # of no row
    norm.train()(x[:2], mix[:2])
    norm(x[2:], mix[2:])
    var, mean = torch.var_mean(x, (2, 3), correction=0)
    assert norm.seen.tolist() == [3, 1, 1]
    for row, members in enumerate(([0, 2, 4], [5], [1])):
        torch.testing.assert_close(norm.mean[row], mean[members].mean(0))
        torch.testing.assert_close(norm.var[row], var[members].mean(0))


def test_nothing_is_tracked_while_evaluating_or_frozen(norm: ConditionalNorm) -> None:
    norm.eval()(pictures(2), torch.eye(3)[:1])
    assert not norm.seen.any()
    norm.train()(pictures(3), torch.eye(3))
    before = norm.mean.clone()
    freeze(norm, "abc")
    norm(pictures(3, seed=2), torch.eye(3))
    assert torch.equal(norm.mean, before)


def test_old_pictures_are_forgotten_in_time(norm: ConditionalNorm) -> None:
    norm.train()(torch.randn(1, 4, 8, 8) + 5, torch.eye(3)[:1])
    for _ in range(600):
        norm(torch.randn(1, 4, 8, 8), torch.eye(3)[:1])
    assert norm.mean[0].abs().max() < 0.2


def test_frozen_it_is_batch_normalization_in_evaluation(norm: ConditionalNorm) -> None:
    norm.train()(pictures(3), torch.eye(3))
    freeze(norm, "abc")
    x = pictures(2, seed=3)
    for row in range(3):
        wanted = F.batch_norm(x, norm.mean[row], norm.var[row], norm.gamma[row], norm.beta[row])
        mix = torch.eye(3)[row : row + 1]
        torch.testing.assert_close(norm(x, mix), wanted, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(Affine(norm)(x, mix), wanted, atol=1e-5, rtol=1e-5)


def test_gradients_reach_all_rows_of_a_mix_in_both_phases(norm: ConditionalNorm) -> None:
    for _ in range(2):
        norm.zero_grad()
        norm.train()(pictures(3), torch.eye(3)).square().sum().backward()
        assert norm.gamma.grad is not None
        assert norm.gamma.grad.abs().amin() > 0
        freeze(norm, "abc")


def test_half_precision_leaves_the_statistics_alone(norm: ConditionalNorm) -> None:
    x = pictures(2).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        result = norm.train()(x, torch.eye(3)[:1])
    assert result.dtype == torch.bfloat16
    var, mean = torch.var_mean(x.float(), (2, 3), correction=0)
    torch.testing.assert_close(norm.mean[0], mean.mean(0), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(norm.var[0], var.mean(0), atol=1e-6, rtol=1e-6)


def test_what_was_never_seen_cannot_be_frozen(norm: ConditionalNorm) -> None:
    norm.train()(pictures(2), torch.eye(3)[:2])
    with pytest.raises(ConfigError, match="no statistics to freeze for chalk: train"):
        freeze(norm, ("identity", "ink", "chalk"))
    assert not norm.frozen


def test_being_frozen_is_part_of_the_state(norm: ConditionalNorm) -> None:
    norm.train()(pictures(3), torch.eye(3))
    other = ConditionalNorm(4, 3)
    for _ in range(2):
        other.load_state_dict(norm.state_dict())
        assert other.frozen == norm.frozen
        x = pictures(1, seed=4)
        assert torch.equal(other.eval()(x, torch.eye(3)[:1]), norm.eval()(x, torch.eye(3)[:1]))
        freeze(norm, "abc")
