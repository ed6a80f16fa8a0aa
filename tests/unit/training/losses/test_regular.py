from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from streamsr.training.losses.regular import feature_matching, stability, total_variation  # noqa: E402

pytestmark = pytest.mark.torch


def test_total_variation_of_a_known_picture() -> None:
    image = torch.tensor([[[[0.0, 1.0, 3.0], [2.0, 2.0, 2.0]]]], dtype=torch.float64)
    assert total_variation(image).item() == pytest.approx((1 + 2 + 0 + 0) / 4 + (2 + 1 + 1) / 3)


def test_total_variation_of_a_flat_picture_is_zero_and_its_slope_right() -> None:
    assert total_variation(torch.full((2, 3, 4, 4), 0.7)).item() == 0
    image = torch.rand(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(total_variation, (image,))


def test_feature_matching_averages_layers_whatever_their_size() -> None:
    fake = [torch.zeros(1, 2, 4, 4), torch.ones(1, 8, 2, 2)]
    real = [torch.full((1, 2, 4, 4), 0.5), torch.full((1, 8, 2, 2), 3.0)]
    assert feature_matching(fake, real).item() == pytest.approx((0.5 + 2.0) / 2)


def test_feature_matching_pulls_the_generated_side_only() -> None:
    fake, real = torch.rand(2, 3, requires_grad=True), torch.rand(2, 3, requires_grad=True)
    feature_matching([fake], [real]).backward()
    assert real.grad is None
    assert fake.grad is not None
    torch.testing.assert_close(fake.grad, (fake - real).sign() / 6)


@pytest.mark.parametrize("layers", [(0, 0), (1, 2)])
def test_feature_matching_refuses_uneven_or_no_layers(layers: tuple[int, int]) -> None:
    ours, theirs = layers
    with pytest.raises(ValueError, match=r"layer|zip"):
        feature_matching([torch.zeros(1)] * ours, [torch.zeros(1)] * theirs)


def test_stability_of_a_gain_is_the_gain_times_the_noise() -> None:
    gain = torch.nn.Conv2d(1, 1, 1, bias=False)
    torch.nn.init.constant_(gain.weight, -3.0)
    image = torch.rand(2, 1, 4, 4)
    noise = torch.randn(2, 1, 4, 4)
    loss = stability(gain, image, gain(image), noise)
    assert loss.item() == pytest.approx(3 * noise.abs().mean().item(), rel=1e-5)
    loss.backward()
    # d (|w| mean |n|) / d w, by way of both outputs
    assert gain.weight.grad is not None
    assert gain.weight.grad.item() == pytest.approx(-noise.abs().mean().item(), rel=1e-4)
