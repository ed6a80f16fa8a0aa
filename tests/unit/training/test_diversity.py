from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.training.diversity import diversity, relative_diversity  # noqa: E402

pytestmark = pytest.mark.torch


def checks(*contrasts: float, side: int = 16) -> torch.Tensor:
    """One picture per contrast: 0.5 plus or minus it, pixel by pixel; its patches deviate by just that."""
    sign = (-1.0) ** (torch.arange(side)[:, None] + torch.arange(side))
    return torch.stack([(0.5 + contrast * sign)[None] for contrast in contrasts])


def test_diversity_is_the_deviation_of_contrast_over_the_batch() -> None:
    assert diversity(checks(0.1, 0.3)) == pytest.approx(0.1, rel=1e-4)
    assert diversity(checks(0.0, 0.1, 0.2)) == pytest.approx(np.std([0, 0.1, 0.2]), rel=1e-4)


def test_diversity_is_that_of_numpy() -> None:
    images = np.random.default_rng(0).random((3, 3, 19, 26)).astype(np.float32) ** 3
    luma = images.mean(1)[:, :16, :24]
    contrast = [[luma[:, 8 * i : 8 * i + 8, 8 * j : 8 * j + 8].std((1, 2)) for j in range(3)] for i in range(2)]
    expected = np.sqrt(np.var(contrast, axis=2).mean())
    assert diversity(torch.from_numpy(images)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "collapsed",
    [
        pytest.param(
            torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)).expand(4, -1, -1, -1), id="one"
        ),
        pytest.param(torch.linspace(0, 1, 4).view(4, 1, 1, 1).expand(4, 1, 16, 16), id="flat"),
        pytest.param(checks(0.1, 0.1) + torch.tensor([0.0, 0.3]).view(2, 1, 1, 1), id="one texture on all"),
    ],
)
def test_collapsed_outputs_have_none(collapsed: torch.Tensor) -> None:
    assert diversity(collapsed) == pytest.approx(0, abs=1e-6)
    assert relative_diversity(collapsed, checks(0.1, 0.3)) < 1e-4


def test_relative_diversity_is_1_for_the_truth_and_where_the_truth_is_flat() -> None:
    target = torch.rand(4, 3, 16, 16)
    assert relative_diversity(target, target) == 1
    assert relative_diversity(checks(0.05, 0.15), checks(0.1, 0.3)) == pytest.approx(0.5, rel=1e-3)
    assert relative_diversity(checks(0.1, 0.3), torch.zeros(2, 1, 16, 16)) == 1


def test_no_gradient_is_kept_and_half_precision_accepted() -> None:
    images = checks(0.1, 0.3).requires_grad_()
    assert isinstance(diversity(images), float)
    assert diversity(images.bfloat16()) == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (4, 1, 7, 16)])
def test_too_little_to_compare_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least 2 pictures of at least 8 x 8"):
        diversity(torch.zeros(shape))
