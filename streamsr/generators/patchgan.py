"""PatchGAN: a discriminator that judges overlapping patches of 70 x 70 pixels.

After Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks" (CVPR 2017). The paper normalizes
by batch statistics; CycleGAN (Zhu et al., ICCV 2017) uses the same network with instance normalization, which does not
make one picture's verdict depend on the others and so goes with gradient penalties and small batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2

Norm = Literal["batch", "instance"]


@dataclass(frozen=True, slots=True)
class PatchGanConfig:
    """Shape of the network: 2.77 million parameters as in the paper."""

    channels: int = 3
    """Of the pictures: 1 or 3."""
    width: int = 64
    norm: Norm = "batch"


class PatchGan(nn.Module):
    """Real or made: `(N, C, H, W)` float in [0, 1] -> logits `(N, 1, H // 8 - 2, W // 8 - 2)`; sides of at least 24."""

    Config = PatchGanConfig

    def __init__(self, config: PatchGanConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.first = nn.Conv2d(config.channels, width, 4, 2, 1)
        steps = list(pairwise((width, 2 * width, 4 * width, 8 * width)))
        self.inner = nn.ModuleList(
            _layer(inputs, outputs, stride, config.norm)
            for (inputs, outputs), stride in zip(steps, (2, 2, 1), strict=True)
        )
        self.last = nn.Conv2d(8 * width, 1, 4, 1, 1)

    def features(self, x: Tensor) -> list[Tensor]:
        """The activations of every layer, in order; the last are the logits."""
        way = [F.leaky_relu(self.first(x), SLOPE)]
        for layer in self.inner:
            way.append(F.leaky_relu(layer(way[-1]), SLOPE))
        return [*way, self.last(way[-1])]

    def forward(self, x: Tensor) -> Tensor:
        """The logits, one for each patch: positive where it looks real."""
        return self.features(x)[-1]


def _layer(inputs: int, outputs: int, stride: int, norm: Norm) -> nn.Module:
    # a bias before batch normalization would be subtracted again; the reference's instance layers keep theirs
    conv = nn.Conv2d(inputs, outputs, 4, stride, 1, bias=norm == "instance")
    return nn.Sequential(conv, nn.BatchNorm2d(outputs) if norm == "batch" else nn.InstanceNorm2d(outputs))
