from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from streamsr.training.muon import MOMENTUM, Muon, is_kernel, orthogonal  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("shape", [(3, 16, 144), (1, 40, 7), (2, 9, 9)])
def test_singular_values_come_near_one_and_directions_stay(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    matrices = torch.randn(shape, dtype=torch.float64) * 50
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    result = orthogonal(matrices)
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.3
    assert values.max() < 1.3
    inner = u.mT @ result @ v.mT
    torch.testing.assert_close(inner, torch.diag_embed(inner.diagonal(dim1=1, dim2=2)), atol=1e-8, rtol=0)


def test_kernels_are_told_from_the_rest() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 3, 1), nn.Conv2d(8, 4, 3, groups=4))
    kernels = [name for name, weight in model.named_parameters() if is_kernel(weight)]
    assert kernels == ["0.weight", "2.weight"]


def test_the_first_step_is_the_orthogonal_gradient_times_the_rate() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(4, 16, 3)
    before = layer.weight.detach().clone()
    optimizer = Muon(layer, 0.1, (0.9, 0.99))
    layer(torch.randn(2, 4, 8, 8)).square().mean().backward()
    gradient = layer.weight.grad.clone()
    optimizer.step()
    moment = (1 - MOMENTUM) * gradient
    ahead = gradient + MOMENTUM * (moment - gradient)
    expected = before - 0.1 * orthogonal(ahead.flatten(1)[None])[0].view_as(before)
    torch.testing.assert_close(layer.weight.detach(), expected)


def test_what_is_left_follows_torchs_adam() -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(3, 3), nn.Linear(3, 3)
    theirs.load_state_dict(ours.state_dict())
    one, other = Muon(ours, 0.05, (0.9, 0.99)), torch.optim.Adam(theirs.parameters(), 0.01, (0.9, 0.99))
    for step in range(20):
        for layer, optimizer in ((ours, one), (theirs, other)):
            layer(torch.ones(2, 3) * step).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)


def test_its_state_goes_on_where_it_was() -> None:
    def run(steps: int, optimizer: Muon, layer: nn.Module) -> None:
        for _ in range(steps):
            layer(torch.ones(1, 4, 6, 6)).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()

    torch.manual_seed(0)
    whole, parts = nn.Conv2d(4, 8, 3), nn.Conv2d(4, 8, 3)
    parts.load_state_dict(whole.state_dict())
    run(6, Muon(whole, 0.05, (0.9, 0.99)), whole)
    first = Muon(parts, 0.05, (0.9, 0.99))
    run(3, first, parts)
    second = Muon(parts, 0.05, (0.9, 0.99))
    second.load_state_dict(first.state_dict())
    run(3, second, parts)
    assert torch.equal(whole.weight, parts.weight)
    assert torch.equal(whole.bias, parts.bias)
