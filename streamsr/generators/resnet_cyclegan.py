"""ResnetCycleGan: one kind of picture made another, learned from pictures that do not belong together in pairs.

The generator of Zhu, Park, Isola, Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks" (ICCV 2017), after Johnson et al. (ECCV 2016): c7s1-64, d128, d256, residual blocks of 256, u128, u64, c7s1-3.
Different are what made its video flicker, and what made its checkerboards: strides are blurred, bilinear enlargement
and a convolution take the place of transposed convolutions, and normalization can be frozen. Those weigh the same;
normalization learns a scale beside the shift, one number more for each channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ..spec import least_side
from .conditional_norm import freeze
from .conditional_trunk import Trunk, TrunkGenerator, reflected
from .padding import run_padded

MULTIPLE = 4


@dataclass(frozen=True, slots=True)
class ResnetCycleGanConfig:
    """Shape of the network: 11.4 million weights as in the paper, which takes 6 blocks for pictures of 128 pixels."""

    width: int = 64
    """Channels at full size; twice and four times as many at a half and a quarter."""
    blocks: int = 9
    """Residual blocks at a quarter of the size."""


class ResnetCycleGan(TrunkGenerator):
    """Translation: RGB `(N, 3, H, W)` float in [0, 1] -> the same shape, within [0, 1].

    Every picture is normalized by its own statistics until `freeze`, as the paper does it; from then on by the running
    ones, which are kept in training mode. Any size will do; one that is no multiple of 4 is extended and cut back.
    """

    Config = ResnetCycleGanConfig
    config: ResnetCycleGanConfig
    color: Literal["rgb"] = "rgb"
    task = "style"
    scale = 1
    multiple_of = MULTIPLE

    def __init__(self, config: ResnetCycleGanConfig) -> None:
        super().__init__(config)
        widths = config.width, 2 * config.width, 4 * config.width
        first, last = reflected(3, config.width, 7), reflected(config.width, 3, 7, bias=True)
        self.trunk = Trunk(first, widths, config.blocks, 1, last)

    def freeze(self) -> None:
        """Use the running statistics from now on, whatever the mode; they stay as they are.

        Raises:
            ConfigError: it was never trained.
        """
        freeze(self, ("the pictures",))

    def deploy(self) -> PlainCycleGan:
        """The network of convolutions and affine maps; before `freeze`, of instance normalizations."""
        return PlainCycleGan(self.trunk.plain() if self.frozen else self.trunk).eval()

    def forward(self, x: Tensor) -> Tensor:
        """Translate the picture."""
        return run_padded(lambda picture: translated(self.trunk, picture), x, MULTIPLE, 1, least_side(MULTIPLE))


class PlainCycleGan(nn.Module):
    """What is exported: `(1, 3, H, W)` to the same; H and W multiples of 4, and at least 8."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, x: Tensor) -> Tensor:
        """Translate the picture."""
        return translated(self.trunk, x)


def translated(trunk: Trunk, x: Tensor) -> Tensor:
    """A picture through a trunk of one row.

    The paper's pictures are in [-1, 1]. Normalization makes that the same at this end; at the other one its hyperbolic
    tangent, halved and raised to [0, 1], is the logistic function of twice the value.
    """
    return torch.sigmoid(2 * trunk(x, x.new_ones(1, 1)))
