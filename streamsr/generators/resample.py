"""Enlarging by an integer factor with a fixed kernel, as one convolution: the polyphase form.

An output sample is a weighted sum of input samples, and the weights depend only on its phase, its place within the
input pixel. So r*r kernels, one for each phase, followed by the shuffle of channels to pixels, are the interpolation.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Kernel = Callable[[float], float]
"""Weight of an input sample by its signed distance from the output sample, in input pixels."""


def triangle(x: float) -> float:
    """Linear interpolation; zero from 1 on."""
    return max(0.0, 1.0 - abs(x))


def keys(x: float) -> float:
    """Cubic convolution with a = -1/2: Keys, "Cubic convolution interpolation for digital image processing" (1981).

    MATLAB's and Pillow's bicubic; zero from 2 on.
    """
    x = abs(x)
    if x <= 1:
        return (1.5 * x - 2.5) * x * x + 1
    return ((-0.5 * x + 2.5) * x - 4) * x + 2 if x < 2 else 0.0


def lanczos(x: float) -> float:
    """The sinc, windowed by the main lobe of one three times as wide; zero from 3 on.

    Duchon, "Lanczos filtering in one and two dimensions" (1979).
    """
    if abs(x) >= 3:
        return 0.0
    return _sinc(x) * _sinc(x / 3)


def gaussian(sigma: float) -> Tensor:
    """A sampled Gaussian out to three sigma, float64 `(2 * ceil(3 * sigma) + 1,)`, sum 1."""
    reach = math.ceil(3 * sigma)
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma) ** 2)
    return weights / weights.sum()


def phases(kernel: Kernel, reach: int, scale: int) -> Tensor:
    """Weights of the input samples `-reach..reach` for every phase: float64 `(scale, 2 * reach + 1)`, rows sum to 1.

    Pixels are squares whose centres are at half-integers, so phase k lies `(k + 0.5) / scale - 0.5` from its pixel.
    """
    centres = [(k + 0.5) / scale - 0.5 for k in range(scale)]
    rows = [[kernel(centre - tap) for tap in range(-reach, reach + 1)] for centre in centres]
    weights = torch.tensor(rows, dtype=torch.float64)
    return weights / weights.sum(1, keepdim=True)


def prefiltered(weights: Tensor, taps: Tensor) -> Tensor:
    """The `phases` of filtering by symmetric `taps` first and interpolating by `weights` after."""
    return F.conv1d(weights[:, None], taps[None, None], padding=len(taps) - 1)[:, 0]


class Resample(nn.Module):
    """`(N, channels, H, W)` -> `(N, channels, scale * H, scale * W)` by `phases`; the border is replicated."""

    kernels: Tensor

    def __init__(self, weights: Tensor, channels: int) -> None:
        super().__init__()
        self.scale, self.channels = len(weights), channels
        self.reach = weights.shape[1] // 2
        squares = torch.einsum("ih,jw->ijhw", weights, weights).flatten(0, 1)[:, None]  # (r*r, 1, taps, taps)
        self.register_buffer("kernels", squares.repeat(channels, 1, 1, 1).float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge the picture."""
        padded = F.pad(x, (self.reach,) * 4, mode="replicate") if self.reach else x
        return F.pixel_shuffle(F.conv2d(padded, self.kernels.to(x.dtype), groups=self.channels), self.scale)


def _sinc(x: float) -> float:
    return math.sin(math.pi * x) / (math.pi * x) if x else 1.0
