from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from streamsr.generators import DISCRIMINATORS  # noqa: E402
from streamsr.generators.patchgan import PatchGan, PatchGanConfig  # noqa: E402
from streamsr.generators.sr_classifier import SrClassifier, SrClassifierConfig  # noqa: E402
from streamsr.generators.unet_discriminator import UNetDiscriminator, UNetDiscriminatorConfig  # noqa: E402

pytestmark = pytest.mark.torch

CONFIGS = {
    "unet": {"width": 8},
    "patchgan": {"width": 8},
    "sr_classifier": {"width": 8, "hidden": 16, "patch": 32},
}


def build(name: str, channels: int = 3) -> torch.nn.Module:
    torch.manual_seed(0)
    kind = DISCRIMINATORS.load(name)
    return kind(kind.Config(channels=channels, **CONFIGS[name]))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("name", "size", "logits"),
    [
        ("unet", (32, 40), (1, 32, 40)),
        ("unet", (19, 30), (1, 19, 30)),
        ("patchgan", (32, 40), (1, 2, 3)),
        ("patchgan", (24, 31), (1, 1, 1)),
        ("sr_classifier", (32, 32), (1,)),
        ("sr_classifier", (50, 19), (1,)),
    ],
)
def test_logits(name: str, channels: int, size: tuple[int, int], logits: tuple[int, ...]) -> None:
    model = build(name, channels)
    x = torch.rand(2, channels, *size)
    features = model.features(x)
    assert features[-1].shape == (2, *logits)
    assert all(torch.isfinite(feature).all() for feature in features)
    assert model.eval()(x).shape == (2, *logits)


@pytest.mark.parametrize("name", list(CONFIGS))
def test_it_learns_to_tell(name: str) -> None:
    model = build(name)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3, (0.5, 0.9))
    losses = []
    for _ in range(30):
        real, made = torch.rand(4, 3, 32, 32), torch.rand(4, 3, 16, 16).repeat_interleave(2, 2).repeat_interleave(2, 3)
        logits = model(torch.cat([real, made]))
        loss = F.softplus(-logits[:4]).mean() + F.softplus(logits[4:]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(2 * np.log(2), abs=0.2)
    assert min(losses) < 0.9


def test_a_patch_of_patchgan_is_70_pixels() -> None:
    model = PatchGan(PatchGanConfig(width=8)).eval().double()
    x = torch.rand(1, 3, 160, 24, dtype=torch.float64, requires_grad=True)
    logits = model(x)
    logits[0, 0, logits.shape[2] // 2, 0].backward()
    rows = x.grad.abs().amax((0, 1, 3)).nonzero().flatten()
    assert int(rows.max() - rows.min()) + 1 == 70


def test_unet_is_spectrally_normalized_between_its_ends() -> None:
    torch.manual_seed(0)
    model = UNetDiscriminator(UNetDiscriminatorConfig(width=8))
    for _ in range(60):  # power iteration happens in training
        model(torch.rand(1, 3, 16, 16))
    inner = [*model.down, *model.up, *model.extra]
    for conv in inner:
        assert torch.linalg.matrix_norm(conv.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.02)
    assert len(inner) == 8


@torch.no_grad()
def test_unet_is_the_network_of_the_paper() -> None:
    torch.manual_seed(0)
    model = UNetDiscriminator(UNetDiscriminatorConfig(width=8)).eval()

    def active(x: torch.Tensor, conv: torch.nn.Module, stride: int = 1) -> torch.Tensor:
        return F.leaky_relu(F.conv2d(x, conv.weight, conv.bias, stride, padding=1), 0.2)

    def twice(x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    x = torch.rand(2, 3, 16, 24)
    one = active(x, model.first)
    half = active(one, model.down[0], 2)
    quarter = active(half, model.down[1], 2)
    eighth = active(quarter, model.down[2], 2)
    up = active(twice(eighth), model.up[0]) + quarter
    up = active(twice(up), model.up[1]) + half
    up = active(twice(up), model.up[2]) + one
    up = active(active(up, model.extra[0]), model.extra[1])
    torch.testing.assert_close(model(x), model.last(up))


def test_classifier_keeps_its_own_patch_as_it_is() -> None:
    torch.manual_seed(0)
    model = SrClassifier(SrClassifierConfig(width=8, hidden=16, patch=32)).eval()
    x = torch.rand(2, 3, 32, 32)
    features = model.features(x)
    assert features[7].shape == (2, 64, 2, 2)
    assert torch.equal(model.grid(features[7]), features[7])
    with pytest.raises(ValueError, match="multiple of 16"):
        SrClassifier(SrClassifierConfig(patch=90))


@pytest.mark.parametrize("name", list(CONFIGS))
def test_state_restores_it(name: str) -> None:
    model = build(name)
    other = deepcopy(model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1)
    other.load_state_dict(model.state_dict())
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(model(x), other(x))
