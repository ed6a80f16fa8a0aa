from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.training.warps import Movement, nudge, rest, valid, warp  # noqa: E402

pytestmark = pytest.mark.torch

SIDE = 24


def shift(right: float, down: float) -> torch.Tensor:
    return torch.tensor([right, down]).expand(1, SIDE, SIDE, 2)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, 0), (0, -5), (-7, 2)])
def test_whole_pixels_are_moved_exactly(right: int, down: int) -> None:
    image = torch.rand(1, 3, SIDE, SIDE)
    moved = warp(image, shift(right, down))
    expected = torch.roll(image, (-down, -right), (2, 3))
    inside = valid(shift(right, down), margin=0).expand(1, 3, -1, -1).bool()
    assert inside.sum() == 3 * (SIDE - abs(right)) * (SIDE - abs(down))
    torch.testing.assert_close(moved[inside], expected[inside], atol=2e-5, rtol=0)


def test_half_a_pixel_is_keys_cubic() -> None:
    row = torch.rand(1, 1, 1, SIDE).expand(1, 1, SIDE, SIDE)
    taps = np.array([-0.09375, 0.59375, 0.59375, -0.09375])  # a = -0.75, torch's
    expected = np.convolve(row[0, 0, 0].numpy(), taps, "valid")
    moved = warp(row, shift(0.5, 0))[0, 0, SIDE // 2, 1:-2]
    np.testing.assert_allclose(moved.numpy(), expected, atol=1e-5)


def test_the_margin_is_kept() -> None:
    mask = valid(shift(3, 0), margin=4)[0, 0]
    assert mask[:, 1 : SIDE - 7].any()
    assert not mask[:4].any()
    assert not mask[-4:].any()
    assert not mask[:, 0].any(), "comes from column 3, within the margin"
    assert mask[8, 1], "comes from column 4"
    assert not mask[:, SIDE - 7].any()
    assert mask[8, SIDE - 8]


def test_movements_keep_their_bounds() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        field = Movement(shift=4, turn=0, zoom=0, bend=0).draw(SIDE, rng)
        assert field.shape == (SIDE, SIDE, 2)
        assert field.dtype == np.float32
        assert np.abs(field).max() <= 4
        assert np.ptp(field.reshape(-1, 2), axis=0).max() < 1e-5, "a shift moves everything alike"
        zoomed = Movement(shift=0, turn=0, zoom=0.1, bend=0).draw(SIDE, rng)
        assert np.abs(zoomed).max() <= 0.1 * (SIDE - 1) / 2 + 1e-5
        assert np.abs(zoomed[SIDE // 2 - 1 : SIDE // 2 + 1].mean((0, 1))).max() < 1e-5, "about the middle"
        assert np.abs(nudge(SIDE, rng)).max() <= 1
    assert not rest(SIDE).any()


def test_a_turn_keeps_distances() -> None:
    field = Movement(shift=0, turn=10, zoom=0, bend=0).draw(SIDE, np.random.default_rng(2))
    assert np.abs(field).max() > 0.1
    places = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1) + field
    np.testing.assert_allclose(np.linalg.norm(np.diff(places, axis=0), axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(np.diff(places, axis=1), axis=-1), 1, atol=1e-5)


def test_gradients_reach_the_picture() -> None:
    image = torch.rand(1, 1, 6, 6, dtype=torch.float64, requires_grad=True)
    field = torch.rand(1, 6, 6, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: warp(x, field), (image,))
