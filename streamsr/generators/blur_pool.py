"""Halving and doubling a picture without aliasing: the strides of networks whose output must not flicker.

A strided convolution alone folds what is finer than its grid into what is coarser, so a shift by less than a pixel
changes the result. After Zhang, "Making Convolutional Networks Shift-Invariant Again" (ICML 2019).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_BINOMIAL = (1, 4, 6, 4, 1)

_HALVES = (
    ((0.75, 0.25, 0.0), (0.25, 0.75, 0.0), (0.0, 0.75, 0.25)),
    ((0.25, 0.75, 0.0), (0.0, 0.75, 0.25), (0.0, 0.25, 0.75)),
)
"""Linear interpolation to twice the size: what the samples at -1, 0, 1 around one of either phase are made of, by the
samples at -1, 0, 1 before."""


class BlurPool(nn.Module):
    """`(N, channels, H, W)` -> `(N, channels, H / 2, W / 2)`: a 5x5 binomial filter at every other pixel.

    The border is reflected, so H and W are even and at least 4.
    """

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        taps = torch.tensor(_BINOMIAL) / sum(_BINOMIAL)
        self.register_buffer("kernel", torch.outer(taps, taps).repeat(channels, 1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Filter and halve."""
        padded = F.pad(x, (2, 2, 2, 2), mode="reflect")
        return F.conv2d(padded, self.kernel.to(x.dtype), stride=2, groups=len(self.kernel))


class ResizeConv(nn.Module):
    """`(N, inputs, H, W)` -> `(N, outputs, 2 * H, 2 * W)`: bilinear enlargement, then a 3x3 convolution without bias.

    Where a transposed convolution leaves a checkerboard this leaves none (Odena, Dumoulin, Olah, "Deconvolution and
    Checkerboard Artifacts", Distill 2016). The border is repeated, which makes `collapse` exact.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="replicate", bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge and convolve."""
        enlarged = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        result: Tensor = self.conv(enlarged)
        return result

    def collapse(self) -> nn.Conv2d:
        """The same at the smaller size: 3x3 to `4 * outputs` channels, which `pixel_shuffle` makes pixels of.

        As many products, and nothing has to be enlarged.
        """
        weight = self.conv.weight.detach()
        halves = torch.tensor(_HALVES, device=weight.device)
        phases = torch.einsum("oihw,yha,xwb->oyxiab", weight, halves, halves)
        outputs, inputs = weight.shape[:2]
        conv = nn.Conv2d(inputs, 4 * outputs, 3, padding=1, padding_mode="replicate", bias=False)
        conv.load_state_dict({"weight": phases.reshape(conv.weight.shape)})
        return conv.to(weight.device)
