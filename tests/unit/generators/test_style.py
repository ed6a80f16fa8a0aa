"""The stylizer: sizes, styles and their mixes, freezing, deployment."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from itertools import pairwise  # noqa: E402

from streamsr.errors import ConfigError  # noqa: E402
from streamsr.generators.style import StyleConfig, Stylizer  # noqa: E402
from streamsr.spec import HALO_MAX  # noqa: E402
from tests.stylizers import STYLES, stylizer  # noqa: E402

pytestmark = pytest.mark.torch

MIXES = [((1, 0, 0), 1), ((0, 0, 1), 1), ((0.2, 0.5, 0.3), 1), ((0.2, 0.5, 0.3), 0.4), ((0, 1, 0), 0)]


@pytest.fixture(scope="module")
def frozen() -> Stylizer:
    return stylizer()


def told(weights: tuple[float, ...], strength: float) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([weights], dtype=torch.float32), torch.tensor([[strength]], dtype=torch.float32)


@pytest.mark.parametrize(("widths", "thousands"), [((16, 32, 48), 207), ((32, 48, 64), 386)])
def test_weights(widths: tuple[int, int, int], thousands: int) -> None:
    def count(styles: int) -> int:
        names = tuple(map(str, range(styles)))
        return sum(parameter.numel() for parameter in Stylizer(StyleConfig(names, widths)).parameters())

    ways = [12, *widths, *[widths[2]] * 8, widths[1], widths[0], 12]
    kernels = sum(9 * inputs * outputs for inputs, outputs in pairwise(ways))
    normalized = sum(ways[1:-1])
    assert count(1) == kernels + 2 * 2 * normalized + 12
    assert count(9) - count(8) == 2 * normalized < 1500
    assert abs(kernels + 2 * normalized + 12 - 1000 * thousands) < 500


@torch.no_grad()
@pytest.mark.parametrize(("weights", "strength"), MIXES)
@pytest.mark.parametrize("size", [(16, 16), (24, 40)])
def test_deployed_it_computes_the_same(
    frozen: Stylizer, weights: tuple[float, ...], strength: float, size: tuple[int, int]
) -> None:
    x = torch.rand(1, 3, *size)
    wanted = frozen(x, *told(weights, strength))
    assert wanted.std() > 0.05
    torch.testing.assert_close(frozen.deploy()(x, *told(weights, strength)), wanted, atol=1e-5, rtol=0)


@torch.no_grad()
def test_one_style_alone_is_that_style(frozen: Stylizer) -> None:
    """A network with only that style's row, and nothing to choose from."""
    x = torch.rand(1, 3, 32, 24)
    results = []
    for index, name in enumerate(STYLES):
        alone = Stylizer(StyleConfig((name,), (8, 8, 8), 1)).eval()
        state = frozen.state_dict()
        rows = {key: value[[0, 1 + index]] for key, value in state.items() if key.split(".")[-1] in _ROWS}
        alone.load_state_dict(state | rows)
        weights = torch.eye(len(STYLES))[index : index + 1]
        results.append(frozen(x, weights))
        torch.testing.assert_close(results[-1], alone(x), atol=1e-6, rtol=0)
    assert all((a - b).abs().mean() > 0.01 for a, b in pairwise(results))
    torch.testing.assert_close(frozen(x), results[0], atol=0, rtol=0)


_ROWS = ("gamma", "beta", "mean", "var", "seen")


@torch.no_grad()
def test_without_strength_the_picture_stays_as_it_is(frozen: Stylizer) -> None:
    x = torch.rand(1, 3, 16, 24)
    assert torch.equal(frozen(x, *told((0, 0.5, 0.5), 0)), x)
    path = torch.stack([frozen(x, *told((1, 0, 0), share)) for share in torch.linspace(0, 1, 17).tolist()])
    assert (path[-1] - x).abs().mean() > 0.01
    steps = path.diff(dim=0).square().mean((1, 2, 3, 4))
    assert steps.max() < 0.1 * (path[-1] - x).square().mean(), "the dial jumps"


@torch.no_grad()
def test_while_it_learns_strength_0_is_left_to_the_network() -> None:
    model = stylizer().train()
    x = torch.rand(1, 3, 16, 24)
    ink, oil = (model(x, *told(weights, 0)) for weights in ((1, 0, 0), (0, 0.5, 0.5)))
    assert torch.equal(ink, oil)
    assert (ink - x).abs().mean() > 0.01


@torch.no_grad()
def test_a_mix_lies_between(frozen: Stylizer) -> None:
    x = torch.rand(1, 3, 48, 48)
    ink, oil, mixed = (frozen(x, *told(weights, 1)) for weights in ((1, 0, 0), (0, 1, 0), (0.5, 0.5, 0)))
    apart = (ink - oil).square().mean()
    assert (mixed - ink).square().mean() < 0.7 * apart
    assert (mixed - oil).square().mean() < 0.7 * apart
    path = torch.stack([frozen(x, *told((1 - share, share, 0), 1)) for share in torch.linspace(0, 1, 9).tolist()])
    steps = path.diff(dim=0).square().mean((1, 2, 3, 4))
    assert steps.max() < 0.1 * apart, "a cross-fade jumps"


@torch.no_grad()
def test_pictures_of_a_batch_may_have_styles_of_their_own(frozen: Stylizer) -> None:
    x = torch.rand(2, 3, 16, 16)
    weights, strength = torch.eye(3)[:2], torch.tensor([[1.0], [0.5]])
    for index, result in enumerate(frozen(x, weights, strength)):
        one = slice(index, index + 1)
        torch.testing.assert_close(result[None], frozen(x[one], weights[one], strength[one]), atol=1e-6, rtol=0)
    assert frozen(x[:1], weights).shape == frozen(x, weights[:1], strength).shape == x.shape


@torch.no_grad()
def test_frozen_nothing_far_away_matters() -> None:
    """What enters at the left changes nothing beyond the halo; with statistics of the picture it does."""
    model = stylizer().double()
    torch.manual_seed(0)
    side = 8 * -(-(3 * model.halo) // 8)
    x = torch.rand(1, 3, 16, side, dtype=torch.float64)
    for edge in range(side // 2 - 8, side // 2):
        entered = x.clone()
        entered[..., :edge] = 0
        changed = (model(entered) - model(x)).abs().amax((0, 1, 2)).nonzero().flatten()
        assert int(changed.max()) < edge + model.halo
    assert int(changed.max()) > edge + model.halo // 2, "a halo much larger than need be"
    learning = Stylizer(model.config).eval().double()
    assert learning.halo == HALO_MAX
    assert (learning(entered) - learning(x)).abs()[..., -8:].max() > 1e-4


@torch.no_grad()
@pytest.mark.parametrize("size", [(1, 1), (7, 90), (17, 31)])
def test_any_size_will_do(frozen: Stylizer, size: tuple[int, int]) -> None:
    x = torch.rand(1, 3, *size)
    result = frozen(x)
    assert result.shape == x.shape
    grown = torch.nn.functional.pad(x, (0, -size[1] % 8, 0, -size[0] % 8), mode="replicate")
    if min(grown.shape[2:]) >= 16:
        torch.testing.assert_close(result, frozen(grown)[..., : size[0], : size[1]])


def test_names_must_tell_styles_apart() -> None:
    for names in ((), ("ink", "ink"), ("identity",)):
        with pytest.raises(ConfigError, match="names of their own"):
            StyleConfig(names)


def test_a_style_that_was_never_trained_cannot_be_frozen() -> None:
    model = Stylizer(StyleConfig(STYLES, (8, 8, 8), 1)).train()
    with torch.no_grad():
        model(torch.rand(2, 3, 16, 16), torch.eye(3)[:2])
    with pytest.raises(ConfigError, match="freeze for identity, chalk: train"):
        model.freeze()
    assert not model.frozen


def test_a_fresh_network_paints_no_checkerboard() -> None:
    torch.manual_seed(0)
    painted = Stylizer(StyleConfig(("ink",)))(torch.rand(1, 3, 32, 32))
    blocks = painted.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4)
    assert float((blocks - blocks[..., :1]).abs().max().detach()) == 0
