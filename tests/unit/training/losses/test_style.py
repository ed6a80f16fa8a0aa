from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.training.losses.style import (  # noqa: E402
    gram,
    luma,
    moments,
    relative_error,
    unsteadiness,
)

pytestmark = pytest.mark.torch

RNG = np.random.default_rng(7)


def test_gram_is_the_mean_product_of_channels() -> None:
    features = RNG.normal(size=(2, 5, 4, 6))
    expected = np.zeros((2, 5, 5))
    for row in range(4):
        for column in range(6):
            place = features[:, :, row, column]
            expected += place[:, :, None] * place[:, None, :] / 24
    np.testing.assert_allclose(gram(torch.from_numpy(features)).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_gram_forgets_where_and_how_large() -> None:
    features = torch.randn(1, 3, 4, 4)
    shuffled = features.flatten(2)[..., torch.randperm(16)].view(1, 3, 4, 4)
    twice = features.repeat(1, 1, 2, 3)
    for other in (shuffled, twice, features.to(memory_format=torch.channels_last)):
        torch.testing.assert_close(gram(other), gram(features))


def test_moments_are_means_and_deviations() -> None:
    features = RNG.normal(1, 2, size=(2, 5, 8, 8))
    tensor = torch.from_numpy(features)
    found = moments(tensor, gram(tensor)).numpy()
    np.testing.assert_allclose(found[:, 0], features.mean((2, 3)), rtol=1e-5)
    np.testing.assert_allclose(found[:, 1], features.std((2, 3)), rtol=1e-5)


def test_moments_of_a_dead_channel_have_a_slope() -> None:
    features = torch.zeros(1, 2, 4, 4, requires_grad=True)
    moments(features, gram(features)).sum().backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_relative_error_of_each_picture_alone() -> None:
    theirs = RNG.normal(size=(3, 4, 4))
    ours = theirs * np.array([1.0, 0.0, 1.5])[:, None, None]
    found = relative_error(torch.from_numpy(ours), torch.from_numpy(theirs))
    np.testing.assert_allclose(found.numpy(), [0, 1, 0.25], atol=1e-6)


def test_luma_is_that_of_bt709() -> None:
    rgb = RNG.random((2, 3, 4, 5)).astype(np.float32)
    expected = 0.2126 * rgb[:, 0] + 0.7152 * rgb[:, 1] + 0.0722 * rgb[:, 2]
    np.testing.assert_allclose(luma(torch.from_numpy(rgb))[:, 0].numpy(), expected, rtol=1e-5)


def test_unsteadiness_counts_valid_pixels_and_lets_light_pass() -> None:
    now, then = (RNG.random((2, 3, 4, 4)) for _ in range(2))
    brighter = RNG.normal(0, 0.1, (2, 1, 4, 4))
    valid = (RNG.random((2, 1, 4, 4)) < 0.6).astype(np.float64)
    expected = []
    for index in range(2):
        error = [
            ((now[index, :, y, x] - then[index, :, y, x] - brighter[index, 0, y, x]) ** 2).mean()
            for y in range(4)
            for x in range(4)
            if valid[index, 0, y, x]
        ]
        expected.append(np.mean(error))
    found = unsteadiness(*(torch.from_numpy(each) for each in (now, then, brighter, valid)))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    lighter = torch.rand(1, 3, 4, 4)
    gain = torch.full((1, 1, 4, 4), 0.1)
    assert unsteadiness(lighter + gain, lighter, gain, torch.ones(1, 1, 4, 4)).item() == pytest.approx(0, abs=1e-12)


def test_nothing_valid_is_no_unsteadiness() -> None:
    picture = torch.rand(1, 3, 4, 4)
    assert unsteadiness(picture, 1 - picture, torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)).item() == 0
