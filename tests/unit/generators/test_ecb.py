from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from streamsr.errors import UnknownNameError  # noqa: E402
from streamsr.generators import GENERATORS  # noqa: E402
from streamsr.generators.ecb import Ecb, EcbConfig, EdgeBlock  # noqa: E402

pytestmark = pytest.mark.torch


def stir(module: torch.nn.Module) -> None:
    """Random values in every parameter, so that no branch is near zero."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, 0.3)


def branch_by_branch(block: EdgeBlock, x: torch.Tensor) -> torch.Tensor:
    """The block as the paper draws it: every branch convolves on its own, the results are summed."""
    out = F.conv2d(x, block.plain, block.bias, padding=1)
    out = out + F.conv2d(F.conv2d(x, block.squeeze[..., None, None]), block.widen, padding=1)
    for mix, gain, edge in zip(block.edge_mix, block.edge_gain, block.edges, strict=True):
        mixed = F.conv2d(x, mix[..., None, None])
        kernels = gain[:, None, None, None] * edge
        out = out + F.conv2d(mixed, kernels, padding=1, groups=len(gain))
    return out + x if block.skip else out


@pytest.mark.parametrize(("inputs", "outputs", "skip"), [(1, 16, False), (16, 16, True), (16, 4, False)])
def test_collapsed_kernel_equals_the_branches_up_to_the_border(inputs: int, outputs: int, skip: bool) -> None:
    torch.manual_seed(0)
    block = EdgeBlock(inputs, outputs, 2, skip).double()
    stir(block)
    x = torch.randn(2, inputs, 7, 9, dtype=torch.float64)
    conv = block.collapse()
    torch.testing.assert_close(F.conv2d(x, conv.weight, conv.bias, padding=1), branch_by_branch(block, x))


def test_every_branch_learns() -> None:
    torch.manual_seed(0)
    model = Ecb(EcbConfig(depth=1))
    stir(model)
    model(torch.rand(1, 1, 8, 8)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize(("scale", "width", "depth"), [(2, 16, 8), (3, 8, 1), (4, 16, 4)])
def test_forward_is_the_plain_network_plus_the_picture(scale: int, width: int, depth: int) -> None:
    torch.manual_seed(0)
    model = Ecb(EcbConfig(scale, width, depth)).eval()
    x = torch.rand(2, 1, 5, 6)
    features = x
    *body, tail = model.collapse()
    for conv in body:
        features = F.conv2d(features, conv.weight, conv.bias, padding=1).clamp(min=0)
    residual = F.conv2d(features, tail.weight, tail.bias, padding=1)
    nearest = x.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    torch.testing.assert_close(model(x), nearest + F.pixel_shuffle(residual, scale))
    assert model.halo == depth + 2


def test_m8c16_has_the_size_of_the_paper() -> None:
    convs = Ecb(EcbConfig()).collapse()
    assert sum(conv.weight.numel() + conv.bias.numel() for conv in convs) == 19_300


@pytest.mark.parametrize(
    ("scale", "width", "depth", "published"),
    [(2, 16, 4, 10.2), (4, 16, 4, 11.9), (2, 8, 4, 2.8), (4, 8, 4, 3.7), (2, 64, 16, 596), (4, 64, 16, 603)],
)
def test_plain_networks_have_the_sizes_of_the_paper(scale: int, width: int, depth: int, published: float) -> None:
    plain = Ecb(EcbConfig(scale, width, depth)).deploy()
    activations = 2 * width * (depth + 1)  # the paper's networks have PReLU, and all its figures count two a channel
    count = sum(parameter.numel() for parameter in plain.parameters()) + activations
    assert round(count / 1000, 0 if published > 100 else 1) == published


def test_checkpoints_of_before_load_unchanged() -> None:
    names = set(Ecb(EcbConfig(depth=1)).state_dict())
    parts = {"plain", "squeeze", "widen", "edge_mix", "edge_gain", "bias"}
    assert names == {f"blocks.{index}.{part}" for index in range(3) for part in parts}


def test_halo_bounds_the_influence_of_a_pixel() -> None:
    torch.manual_seed(0)
    model = Ecb(EcbConfig(depth=2)).double()
    stir(model)
    x = torch.rand(1, 1, 21, 21, dtype=torch.float64)
    changed = x.clone()
    changed[0, 0, 10, 10] += 0.5
    difference = (model(changed) - model(x)).detach().abs()[0, 0]
    rows = difference.amax(1).nonzero().flatten() // 2
    assert 10 - model.halo <= int(rows.min())
    assert int(rows.max()) <= 10 + model.halo


def test_registry_names_the_architectures() -> None:
    assert GENERATORS.load("ecb") is Ecb
    with pytest.raises(UnknownNameError, match="ecb"):
        GENERATORS.load("ecbsr")


@pytest.mark.parametrize("activation", ["relu", "prelu"])
def test_every_form_deploys_to_what_it_computes(activation: str) -> None:
    torch.manual_seed(0)
    model = Ecb(EcbConfig(width=8, depth=2, activation=activation, centred=True, skip=True))
    stir(model)
    x = torch.rand(2, 1, 9, 11)
    torch.testing.assert_close(model.deploy()(x), model(x), atol=1e-5, rtol=1e-5)


def test_centred_features_do_not_see_brightness() -> None:
    """Adding a constant to the picture adds it to the result, up to the very border."""
    torch.manual_seed(0)
    model = Ecb(EcbConfig(width=8, depth=2, centred=True, skip=True)).double()
    stir(model)
    x = torch.rand(1, 1, 9, 11, dtype=torch.float64)
    torch.testing.assert_close(model(x + 0.25), model(x) + 0.25)


def test_the_skip_adds_the_first_features() -> None:
    torch.manual_seed(0)
    model = Ecb(EcbConfig(width=8, depth=0, skip=True)).double()
    x = torch.rand(1, 1, 5, 6, dtype=torch.float64)
    head, tail = model.collapse()
    features = 2 * F.relu(F.conv2d(x, head.weight, head.bias, padding=1))
    expected = F.pixel_shuffle(F.conv2d(features, tail.weight, tail.bias, padding=1) + x, 2)
    torch.testing.assert_close(model(x), expected)
