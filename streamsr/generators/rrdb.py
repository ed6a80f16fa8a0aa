"""RRDB: the large generator of ESRGAN, residual blocks of residual dense blocks.

After Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks" (ECCV Workshops 2018). For
factors below 4, Real-ESRGAN (Wang et al., ICCV Workshops 2021) folds squares of pixels into channels first and leaves
the rest as it is. Parameters carry the names of Real-ESRGAN's releases, so that their checkpoints load as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import CHANNELS, ColorSpace, Generator
from .padding import run_padded

RESIDUAL_GAIN = 0.2
SLOPE = 0.2
"""Of the leaky ReLU."""
CONVOLUTIONS = 15
"""On the longest way through a block: three dense blocks of five."""


@dataclass(frozen=True, slots=True)
class RrdbConfig:
    """Shape of the network: the releases have 23 blocks, or 6 for anime."""

    scale: int = 4
    """A power of two, 1 included."""
    width: int = 64
    """Channels of the features."""
    depth: int = 23
    """Residual-in-residual dense blocks."""
    growth: int = 32
    """Channels each convolution of a dense block adds."""
    unshuffle: int = 1
    """Side of the squares of pixels folded into channels first; Real-ESRGAN has `4 / scale`."""
    color: ColorSpace = "rgb"


class Rrdb(Generator):
    """Super-resolution: `(N, C, H, W)` float in [0, 1] -> `(N, C, scale * H, scale * W)`, not clipped."""

    Config = RrdbConfig
    config: RrdbConfig

    def __init__(self, config: RrdbConfig) -> None:
        super().__init__(config)
        steps = (config.scale * config.unshuffle).bit_length() - 1
        if 2**steps != config.scale * config.unshuffle:
            raise ValueError(f"scale {config.scale} times unshuffle {config.unshuffle} is not a power of two")
        width, channels = config.width, CHANNELS[config.color]
        self.conv_first = _conv(channels * config.unshuffle**2, width)
        self.body = nn.Sequential(*(Block(width, config.growth) for _ in range(config.depth)))
        self.conv_body = _conv(width, width)
        self.upward = [f"conv_up{step + 1}" for step in range(steps)]
        for name in self.upward:
            self.add_module(name, _conv(width, width))
        self.conv_hr = _conv(width, width)
        self.conv_last = _conv(width, channels)

    @property
    def color(self) -> ColorSpace:
        """As configured."""
        return self.config.color

    @property
    def halo(self) -> int:
        """Input pixels around an output pixel that can influence it."""
        radius = 2  # of the last two convolutions, in output pixels
        for _ in self.upward:
            radius = (radius + 2) // 2  # one more convolution, then half the resolution, rounded up
        folded = radius + CONVOLUTIONS * self.config.depth + 2
        return self.config.unshuffle * (folded + 1) - 1

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge the picture; sizes that do not divide by `unshuffle` are padded for it."""
        return run_padded(self._enlarge, x, self.config.unshuffle, self.scale)

    def _enlarge(self, x: Tensor) -> Tensor:
        side = self.config.unshuffle
        shallow = F.conv2d(x, self._first_kernel(), self.conv_first.bias, side, padding=side)  # (N, width, H/u, W/u)
        features = shallow + self.conv_body(self.body(shallow))
        for name in self.upward:
            enlarged = F.interpolate(features, scale_factor=2, mode="nearest")
            features = F.leaky_relu(self.get_submodule(name)(enlarged), SLOPE)
        picture: Tensor = self.conv_last(F.leaky_relu(self.conv_hr(features), SLOPE))  # (N, C, r*H, r*W)
        return picture

    def _first_kernel(self) -> Tensor:
        """Folding squares of pixels into channels and convolving is one convolution: stride u, kernels of 3u x 3u."""
        weight, side = self.conv_first.weight, self.config.unshuffle  # (width, C*u*u, 3, 3)
        squares = weight.reshape(len(weight), -1, side, side, 3, 3)  # (width, C, u, u, 3, 3)
        return squares.permute(0, 1, 4, 2, 5, 3).reshape(len(weight), -1, 3 * side, 3 * side)  # (width, C, 3u, 3u)


class Block(nn.Module):
    """Three dense blocks in a row, a fifth of what comes out added to what went in."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (DenseBlock(width, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """`(N, width, H, W)` to the same."""
        dense: Tensor = self.rdb3(self.rdb2(self.rdb1(x)))
        return x + RESIDUAL_GAIN * dense


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees all before it; a fifth of the last one's output is added to the input."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for index in range(5):
            conv = _conv(width + index * growth, growth if index < 4 else width)
            nn.init.kaiming_normal_(conv.weight)
            with torch.no_grad():
                conv.weight *= 0.1  # ESRGAN's start: deep stacks of residual blocks stay calm
            self.add_module(f"conv{index + 1}", conv)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, width, H, W)` to the same."""
        *inner, last = self.children()
        seen = x
        for conv in inner:
            seen = torch.cat([seen, F.leaky_relu(conv(seen), SLOPE)], 1)
        dense: Tensor = last(seen)
        return x + RESIDUAL_GAIN * dense


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)
