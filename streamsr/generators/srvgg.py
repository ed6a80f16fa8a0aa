"""Compact: a plain VGG-style network of 3x3 convolutions at the input's resolution (SRVGGNetCompact).

After Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data" (ICCV Workshops
2021) and its releases for anime video and general pictures. Parameters carry the names of those releases, so that
their checkpoints, and the many the community trained, load as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from .base import CHANNELS, ColorSpace, Generator

Activation = Literal["prelu", "relu", "leakyrelu"]


@dataclass(frozen=True, slots=True)
class SrvggConfig:
    """Shape of the network. The releases have 64 channels and 16 (video) or 32 (general pictures) inner layers."""

    scale: int = 2
    width: int = 64
    """Channels of the features."""
    depth: int = 16
    """Convolutions between the first and the last."""
    activation: Activation = "prelu"
    color: ColorSpace = "rgb"


class Srvgg(Generator):
    """Super-resolution: `(N, C, H, W)` float in [0, 1] -> `(N, C, scale * H, scale * W)`, not clipped."""

    Config = SrvggConfig
    config: SrvggConfig

    def __init__(self, config: SrvggConfig) -> None:
        super().__init__(config)
        channels = CHANNELS[config.color]
        layers: list[nn.Module] = []
        for inputs in (channels, *[config.width] * config.depth):
            layers += [nn.Conv2d(inputs, config.width, 3, padding=1), _activation(config)]
        layers.append(nn.Conv2d(config.width, channels * config.scale**2, 3, padding=1))
        self.body = nn.Sequential(*layers)

    @property
    def color(self) -> ColorSpace:
        """As configured."""
        return self.config.color

    @property
    def halo(self) -> int:
        """Input pixels around an output pixel that can influence it."""
        return self.config.depth + 2

    def forward(self, x: Tensor) -> Tensor:
        """What the network adds to the picture enlarged by nearest neighbour, and that."""
        residual = F.pixel_shuffle(self.body(x), self.scale)  # (N, C, r*H, r*W)
        return residual + F.interpolate(x, scale_factor=self.scale, mode="nearest")


def _activation(config: SrvggConfig) -> nn.Module:
    if config.activation == "prelu":
        return nn.PReLU(config.width)
    return {"relu": nn.ReLU(), "leakyrelu": nn.LeakyReLU(0.1)}[config.activation]
