"""Halving and doubling without aliasing."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from streamsr.generators.blur_pool import BlurPool, ResizeConv  # noqa: E402

pytestmark = pytest.mark.torch


@torch.no_grad()
def test_the_blur_is_binomial() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((2, 8, 10))
    taps = np.array([1, 4, 6, 4, 1]) / 16
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2)), mode="reflect")
    rows = sum(tap * padded[:, i : i + 8] for i, tap in enumerate(taps))
    wanted = sum(tap * rows[:, :, i : i + 10] for i, tap in enumerate(taps))[:, ::2, ::2]
    np.testing.assert_allclose(BlurPool(2)(torch.from_numpy(x)[None])[0], wanted, atol=1e-7)


@torch.no_grad()
def test_what_is_finer_than_the_coarse_grid_vanishes() -> None:
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    checkerboard = ((rows + columns) % 2).float().view(1, 1, 16, 16)
    torch.testing.assert_close(BlurPool(1)(checkerboard), torch.full((1, 1, 8, 8), 0.5))


@torch.no_grad()
def test_a_shift_by_one_pixel_moves_less_than_with_a_bare_stride() -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 1, 64, 64)
    conv = torch.nn.Conv2d(1, 8, 3, padding=1, bias=False)

    def unrest(halved: torch.Tensor, halved_later: torch.Tensor) -> float:
        """Half the sum of one picture and its neighbour is what lies between them."""
        between = (halved + halved.roll(-1, 3)) / 2
        inner = (..., slice(2, -2), slice(2, -2))
        return float((halved_later - between)[inner].square().mean() / between[inner].var())

    shifted = x.roll(-1, 3)
    blurred = unrest(conv(BlurPool(1)(x)), conv(BlurPool(1)(shifted)))
    bare = unrest(conv(x)[..., ::2, ::2], conv(shifted)[..., ::2, ::2])
    assert blurred < 0.1 * bare


@torch.no_grad()
@pytest.mark.parametrize("size", [(1, 1), (2, 5), (7, 4)])
def test_the_resize_convolution_collapses_exactly_border_included(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer = ResizeConv(3, 5)
    x = torch.rand(2, 3, *size)
    wanted = layer(x)
    assert wanted.shape == (2, 5, 2 * size[0], 2 * size[1])
    torch.testing.assert_close(F.pixel_shuffle(layer.collapse()(x), 2), wanted, atol=1e-6, rtol=1e-5)
