"""A U-Net that judges every pixel: Real-ESRGAN's discriminator.

After Wang et al., "Real-ESRGAN" (ICCV Workshops 2021), itself after Schönfeld et al., "A U-Net Based Discriminator for
Generative Adversarial Networks" (CVPR 2020). All but the first and the last convolution are spectrally normalized
(Miyato et al., ICLR 2018), which keeps training stable.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

SLOPE = 0.2


@dataclass(frozen=True, slots=True)
class UNetDiscriminatorConfig:
    """Shape of the network: 64 channels in the paper, 4.4 million parameters; 32 suit small generators."""

    channels: int = 3
    """Of the pictures: 1 or 3."""
    width: int = 64


class UNetDiscriminator(nn.Module):
    """Real or made: `(N, C, H, W)` float in [0, 1] -> logits `(N, 1, H, W)`; H and W at least 8."""

    Config = UNetDiscriminatorConfig

    def __init__(self, config: UNetDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.first = nn.Conv2d(config.channels, width, 3, padding=1)
        self.down = nn.ModuleList(_conv(width << step, width << step + 1, side=4, stride=2) for step in range(3))
        self.up = nn.ModuleList(_conv(width << step + 1, width << step) for step in (2, 1, 0))
        self.extra = nn.ModuleList(_conv(width, width) for _ in range(2))
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def features(self, x: Tensor) -> list[Tensor]:
        """The activations of every convolution, in order; the last are the logits."""
        way = [F.leaky_relu(self.first(x), SLOPE)]
        for conv in self.down:
            way.append(F.leaky_relu(conv(way[-1]), SLOPE))
        now = way[-1]
        for conv, skip in zip(self.up, way[2::-1], strict=True):
            enlarged = F.interpolate(now, size=skip.shape[-2:], mode="bilinear", align_corners=False)
            now = F.leaky_relu(conv(enlarged), SLOPE) + skip
            way.append(now)
        for conv in self.extra:
            way.append(F.leaky_relu(conv(way[-1]), SLOPE))
        return [*way, self.last(way[-1])]

    def forward(self, x: Tensor) -> Tensor:
        """The logits, one a pixel: positive where it looks real."""
        return self.features(x)[-1]


def _conv(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> nn.Module:
    return spectral_norm(nn.Conv2d(inputs, outputs, side, stride, padding=1, bias=False))
