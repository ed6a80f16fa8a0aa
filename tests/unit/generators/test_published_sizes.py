"""Parameter counts against the papers and releases."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from streamsr.generators import DISCRIMINATORS, GENERATORS  # noqa: E402
from streamsr.generators.conditional_norm import norms  # noqa: E402
from streamsr.generators.resnet_cyclegan import ResnetCycleGan, ResnetCycleGanConfig  # noqa: E402
from streamsr.generators.srcnn import Srcnn, SrcnnConfig  # noqa: E402

pytestmark = pytest.mark.torch


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("name", "config", "published"),
    [
        ("srvgg", {"scale": 4, "depth": 16}, 621_424),  # realesr-animevideov3
        ("srvgg", {"scale": 4, "depth": 32}, 1_213_296),  # realesr-general-x4v3
        ("srvgg", {"scale": 2, "depth": 16}, 600_652),
        ("rrdb", {"scale": 4}, 16_697_987),  # RRDB_ESRGAN_x4, RealESRGAN_x4plus
        ("rrdb", {"scale": 2, "unshuffle": 2}, 16_703_171),  # RealESRGAN_x2plus
        ("interpolation", {}, 0),
    ],
)
def test_generators(name: str, config: dict[str, Any], published: int) -> None:
    kind = GENERATORS.load(name)
    with torch.device("meta"):
        model = kind(kind.Config(**config))
    assert count(model) == published


@pytest.mark.parametrize(("kernels", "published"), [((9, 5, 5), 57_184), ((9, 1, 5), 8_032)])
def test_srcnn_counts_weights_without_biases(kernels: tuple[int, int, int], published: int) -> None:
    model = Srcnn(SrcnnConfig(kernels=kernels))
    assert sum(parameter.numel() for parameter in model.parameters() if parameter.dim() > 1) == published


@pytest.mark.parametrize(("blocks", "published"), [(9, 11_378_179), (6, 7_837_699)])  # it prints 11.378M, 7.838M
def test_cyclegan_weighs_what_the_paper_does(blocks: int, published: int) -> None:
    """But for normalization: the release's has none to learn after biases, ours a scale and a shift instead of them.

    Resized convolutions weigh what transposed ones do.
    """
    with torch.device("meta"):
        model = ResnetCycleGan(ResnetCycleGanConfig(blocks=blocks))
    scales = sum(norm.gamma.numel() for norm in norms(model))
    assert scales == 64 + 128 + 256 + 2 * blocks * 256 + 128 + 64
    assert count(model) - scales == published


@pytest.mark.parametrize(
    ("name", "config", "published"),
    [
        ("unet", {}, 4_376_897),  # Real-ESRGAN: 4.4M
        ("patchgan", {"channels": 6}, 2_768_705),  # pix2pix prints 2.769M: it sees input and output together
        ("patchgan", {}, 2_765_633),
        ("patchgan", {"norm": "instance"}, 2_764_737),  # CycleGAN prints 2.765M
        ("sr_classifier", {}, 23_565_505),  # at the paper's patch of 96, biases in every layer
    ],
)
def test_discriminators(name: str, config: dict[str, Any], published: int) -> None:
    kind = DISCRIMINATORS.load(name)
    with torch.device("meta"):
        model = kind(kind.Config(**config))
    assert count(model) == published
