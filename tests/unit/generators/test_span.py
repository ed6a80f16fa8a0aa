from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from streamsr.generators.span import RGB_MEAN, Block, Conv3XC, Span, SpanConfig, collapse  # noqa: E402

pytestmark = pytest.mark.torch


def branch_by_branch(block: Conv3XC, x: torch.Tensor) -> torch.Tensor:
    """As the release trains it: the picture is padded, then nothing is; the skip sees the picture itself."""
    return block.conv(F.pad(x, (1, 1, 1, 1))) + block.sk(x)


def expanded(model: Span, x: torch.Tensor) -> torch.Tensor:
    """The whole network with every branch convolving on its own."""
    config = model.config
    if config.norm:
        x = (x - torch.tensor(RGB_MEAN).view(1, 3, 1, 1)) * config.img_range
    shallow = features = branch_by_branch(model.conv_1, x)
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    outputs = []
    for block in blocks:
        early = F.silu(branch_by_branch(block.c1_r, features))
        late = branch_by_branch(block.c3_r, F.silu(branch_by_branch(block.c2_r, early)))
        features = (late + features) * (late.sigmoid() - 0.5)
        outputs.append(features)
    deep = branch_by_branch(model.conv_2, features)
    return model.upsampler(model.conv_cat(torch.cat([shallow, deep, outputs[0], early], 1)))


@pytest.mark.parametrize(("inputs", "outputs", "gain"), [(3, 8, 2), (8, 8, 2), (4, 4, 3)])
def test_collapsed_kernels_equal_the_branches_up_to_the_border(inputs: int, outputs: int, gain: int) -> None:
    torch.manual_seed(0)
    blocks = [Conv3XC(inputs, outputs, gain).double() for _ in range(3)]
    x = torch.randn(2, inputs, 6, 7, dtype=torch.float64)
    for block, conv in zip(blocks, collapse(blocks), strict=True):
        torch.testing.assert_close(conv(x), branch_by_branch(block, x))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("norm", [True, False])
def test_collapsed_and_expanded_networks_agree(scale: int, norm: bool) -> None:
    torch.manual_seed(scale)
    model = Span(SpanConfig(scale, width=16, depth=3, norm=norm, img_range=1.0)).eval()
    x = torch.rand(1, 3, 9, 7)
    with torch.no_grad():
        expected = expanded(model, x)
        torch.testing.assert_close(model(x), expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(model.deploy()(x), expected, atol=1e-5, rtol=1e-5)


def test_the_range_of_the_release_is_folded_exactly() -> None:
    torch.manual_seed(0)
    model = Span(SpanConfig(2, width=8, depth=2)).double().eval()
    x = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(model(x), expanded(model, x))


def test_residual_adds_the_repeated_picture() -> None:
    torch.manual_seed(0)
    plain = Span(SpanConfig(2, width=8, depth=2))
    model = Span(SpanConfig(2, width=8, depth=2, residual=True))
    model.load_state_dict(plain.state_dict())
    x = torch.rand(1, 3, 5, 6)
    repeated = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(model(x), plain(x) + repeated)


@pytest.mark.parametrize(
    ("scale", "width", "published"),
    [(2, 52, 481), (4, 52, 498), (2, 48, 411), (4, 48, 426)],  # thousands; the paper's tables are of 52 channels
)
def test_sizes_are_those_of_the_paper(scale: int, width: int, published: int) -> None:
    model = Span(SpanConfig(scale, width))
    deployed = sum(parameter.numel() for parameter in model.deploy().parameters())
    body = 19 * (9 * width * width + width)
    ends = 9 * 3 * width + width + 4 * width * width + width + (9 * width + 1) * 3 * scale**2
    assert deployed == body + ends
    assert round(deployed / 1000) == published


def test_expanded_size_is_that_of_the_branches() -> None:
    def branches(inputs: int, outputs: int) -> int:
        widen, wide = 2 * inputs * (inputs + 1), 2 * outputs * (9 * 2 * inputs + 1)
        narrow, skip = outputs * (2 * outputs + 1), outputs * (inputs + 1)
        return widen + wide + narrow + skip

    expected = branches(3, 48) + 19 * branches(48, 48) + 48 * (4 * 48 + 1) + 12 * (9 * 48 + 1)
    model = Span(SpanConfig())
    assert sum(parameter.numel() for parameter in model.parameters()) == expected == 1_824_900


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    model = Span(SpanConfig(2, width=8, depth=2, img_range=1.0))
    model(torch.rand(1, 3, 8, 8)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_kernels_are_collapsed_in_float32_under_autocast() -> None:
    model = Span(SpanConfig(2, width=8, depth=2))
    with torch.autocast("cpu", torch.bfloat16):
        assert all(conv.weight.dtype == torch.float32 for conv in model.collapse())


def test_deployed_network_is_plain_and_owns_its_weights() -> None:
    model = Span(SpanConfig(2, width=8, depth=2))
    plain = model.deploy()
    assert not plain.training
    assert sum(isinstance(module, nn.Conv2d) for module in plain.modules()) == 8 + 2
    own = {parameter.data_ptr() for parameter in model.parameters()}
    assert not own & {parameter.data_ptr() for parameter in plain.parameters()}


@pytest.mark.parametrize("norm", [True, False])
def test_a_collapsed_network_computes_the_same_and_learns(norm: bool) -> None:
    torch.manual_seed(0)
    model = Span(SpanConfig(2, width=8, depth=2, norm=norm, img_range=1.0)).eval()
    plain = model.collapsed()
    assert plain.config.gain == 0
    assert sum(weight.numel() for weight in plain.parameters()) == sum(p.numel() for p in model.deploy().parameters())
    x = torch.rand(1, 3, 9, 7)
    torch.testing.assert_close(plain(x), model(x), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(plain.deploy()(x), model(x), atol=1e-5, rtol=1e-5)
    plain(x).sum().backward()
    assert all(weight.grad is not None for weight in plain.parameters())
    assert not {id(weight) for weight in plain.parameters()} & {id(weight) for weight in model.parameters()}
