"""The plain classifier of SRGAN: one verdict for a whole picture.

After Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network" (CVPR 2017):
eight 3x3 convolutions, 64 to 512 channels, every second one halving the resolution, batch normalization after all but
the first, then two dense layers. The dense layers fix the size of the patch, 96 in the paper; here other sizes are
averaged down (or repeated up) to the grid of that one, which leaves patches of the right size as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2
REDUCTION = 16
"""Of the resolution, by the four strides of 2."""


@dataclass(frozen=True, slots=True)
class SrClassifierConfig:
    """Shape of the network: 23.6 million parameters as in the paper, 18.9 of them in the first dense layer."""

    channels: int = 3
    """Of the pictures: 1 or 3."""
    width: int = 64
    hidden: int = 1024
    """Units of the first dense layer."""
    patch: int = 96
    """Side of the pictures the dense layers are made for, a multiple of 16."""


class SrClassifier(nn.Module):
    """Real or made: `(N, C, H, W)` float in [0, 1] -> logits `(N, 1)`; no sigmoid, the losses have it."""

    Config = SrClassifierConfig

    def __init__(self, config: SrClassifierConfig) -> None:
        super().__init__()
        if config.patch % REDUCTION:
            raise ValueError(f"patch is {config.patch}, not a multiple of {REDUCTION}")
        self.config = config
        width, cells = config.width, config.patch // REDUCTION
        self.first = nn.Conv2d(config.channels, width, 3, padding=1)
        ends = [width, *(width << step // 2 for step in range(1, 8))]
        self.inner = nn.ModuleList(
            _layer(inputs, outputs, stride=2 - index % 2) for index, (inputs, outputs) in enumerate(pairwise(ends))
        )
        self.grid = nn.AdaptiveAvgPool2d(cells)
        self.dense = nn.Linear(ends[-1] * cells**2, config.hidden)
        self.last = nn.Linear(config.hidden, 1)

    def features(self, x: Tensor) -> list[Tensor]:
        """The activations of every layer, in order; the last are the logits."""
        way = [F.leaky_relu(self.first(x), SLOPE)]
        for layer in self.inner:
            way.append(F.leaky_relu(layer(way[-1]), SLOPE))
        hidden = F.leaky_relu(self.dense(self.grid(way[-1]).flatten(1)), SLOPE)
        return [*way, hidden, self.last(hidden)]

    def forward(self, x: Tensor) -> Tensor:
        """The logits, one for each picture: positive where it looks real."""
        return self.features(x)[-1]


def _layer(inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.BatchNorm2d(outputs))
