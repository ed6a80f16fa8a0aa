"""What two images of one shape, `(N, …, H, W)` in [0, 1], differ by. d is `output - target`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

CHARBONNIER_EPSILON = 1e-3
PSNR_EPSILON = 1e-8
"""Mean squared error at which `psnr` levels off: 80 dB, far below the rounding of 8-bit codes (59 dB)."""
PSNR_SCALE = 0.0025
"""Brings the gradient of `psnr` to that of `l1` where networks of this kind end up: at 33 dB."""


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference, mean |d|."""
    return F.l1_loss(output, target)


def mse(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference, mean d^2: what PSNR measures."""
    return F.mse_loss(output, target)


def charbonnier(output: Tensor, target: Tensor) -> Tensor:
    """Mean of sqrt(d^2 + eps^2) - eps, eps = 1e-3: L1 with a smooth bottom (Charbonnier et al., ICIP 1994)."""
    difference = output - target
    return (torch.sqrt(difference * difference + CHARBONNIER_EPSILON**2) - CHARBONNIER_EPSILON).mean()


def fft(output: Tensor, target: Tensor) -> Tensor:
    """Mean |rfft2(output) - rfft2(target)|, orthonormal: L1 of the spectra (Cho et al., MIMO-UNet, ICCV 2021).

    Orthonormal (divided by sqrt(H W)), the coefficients of a difference are as large as its pixels (Parseval), so
    the figure stays near that of `l1` at every patch size: for white noise it is 1.11 times as large. The mean is
    over the half spectrum that rfft2 returns. Half-precision images are compared in float32.
    """
    difference = output - target
    wide = difference.to(torch.promote_types(difference.dtype, torch.float32))
    spectrum: Tensor = torch.fft.rfft2(wide, norm="ortho")
    return spectrum.abs().mean()


def psnr(output: Tensor, target: Tensor) -> Tensor:
    """Mean over the images of 0.0025 * 10 log10(1 + mse_n / eps), eps = 1e-8: PSNR itself, each image by itself.

    1 + mse / eps is (mse + eps) / eps: up to a constant that makes equal images cost 0 this is -0.0025 * PSNR in dB,
    the loss of HINet (Chen et al., CVPR workshops 2021) and NAFNet (Chen et al., ECCV 2022). An easy image weighs
    as much as a hard one, as in the mean PSNR of a test set; `mse` is ruled by the hard ones.
    """
    errors = (output - target).square().flatten(1).mean(1)
    return PSNR_SCALE * 10 * torch.log10(1 + errors / PSNR_EPSILON).mean()
