"""SRCNN: the first convolutional network for super-resolution, on luma.

After Dong, Loy, He, Tang, "Image Super-Resolution Using Deep Convolutional Networks" (TPAMI 2016): bicubic enlargement,
then three convolutions (patches, non-linear mapping, reconstruction). As in the authors' code every layer replicates
the border.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from .base import Generator
from .resample import Resample, keys, phases


@dataclass(frozen=True, slots=True)
class SrcnnConfig:
    """Shape of the network: the paper's 9-5-5 (57,184 weights); its first version was 9-1-5 (8,032)."""

    scale: int = 2
    kernels: tuple[int, int, int] = (9, 5, 5)
    """Sides of the three convolutions, odd."""
    widths: tuple[int, int] = (64, 32)
    """Channels between them."""


class Srcnn(Generator):
    """Luma super-resolution: `(N, 1, H, W)` float in [0, 1] -> `(N, 1, scale * H, scale * W)`, not clipped."""

    Config = SrcnnConfig
    config: SrcnnConfig
    color: Literal["luma"] = "luma"

    def __init__(self, config: SrcnnConfig) -> None:
        super().__init__(config)
        self.enlarge = Resample(phases(keys, 2, config.scale), 1)
        ends = (1, *config.widths, 1)
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, outputs, side, padding=side // 2, padding_mode="replicate")
            for (inputs, outputs), side in zip(pairwise(ends), config.kernels, strict=True)
        )

    @property
    def halo(self) -> int:
        """Input pixels around an output pixel that can influence it."""
        radius = sum(side // 2 for side in self.config.kernels)  # in output pixels
        return -(-radius // self.scale) + self.enlarge.reach

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge by bicubic, then restore what that cannot."""
        *body, last = self.convs
        features = self.enlarge(x)  # (N, 1, r*H, r*W)
        for conv in body:
            features = F.relu(conv(features))  # (N, width, r*H, r*W)
        picture: Tensor = last(features)
        return picture
