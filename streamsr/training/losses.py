"""Losses between two images of the same shape: pure functions, tensors in, a scalar out."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..registry import Registry

LOSSES = Registry("loss", {name: f"{__name__}:{name}" for name in ("l1", "mse", "charbonnier")})
"""Name in a recipe -> function `(output, target) -> scalar`."""

CHARBONNIER_EPSILON = 1e-3


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference."""
    return F.l1_loss(output, target)


def mse(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference: what PSNR measures."""
    return F.mse_loss(output, target)


def charbonnier(output: Tensor, target: Tensor) -> Tensor:
    """Mean of sqrt(d^2 + eps^2) - eps: L1 with a smooth bottom (Charbonnier et al., ICIP 1994)."""
    difference = output - target
    return (torch.sqrt(difference * difference + CHARBONNIER_EPSILON**2) - CHARBONNIER_EPSILON).mean()
