"""How much the pictures of a batch differ from each other in what an upscaler invents: a collapse makes them alike."""

from __future__ import annotations

import torch
from torch import Tensor

PATCH = 8
"""Side in pixels of the patches whose contrast is compared: a few periods of the detail an upscaler adds."""
MEANINGLESS = 1e-6
"""Diversity (of pictures in [0, 1]) below which a target is as good as flat and measures nothing."""


@torch.no_grad()
def diversity(images: Tensor) -> float:
    """Root mean over places of the variance over the batch of a patch's contrast, in units of the image.

    `images` is `(N, C, H, W)`, N >= 2, H and W >= 8; contrast is the standard deviation of the luma (mean of the
    channels) in a patch of 8 x 8. A generator that stamps one texture on everything, gives every input the same
    picture, or gives none any detail has a diversity near 0; the brightness of its output, which the low resolution
    dictates, does not count.

    Raises:
        ValueError: a batch of one, which differs from nothing, or pictures smaller than a patch.
    """
    count, _, height, width = images.shape
    if count < 2 or min(height, width) < PATCH:
        raise ValueError(
            f"diversity takes at least 2 pictures of at least {PATCH} x {PATCH}, got {tuple(images.shape)}"
        )
    whole = images[:, :, : height - height % PATCH, : width - width % PATCH].float().mean(1)
    rows, columns = whole.shape[1] // PATCH, whole.shape[2] // PATCH
    patches = whole.reshape(count, rows, PATCH, columns, PATCH)
    contrast = patches.std((2, 4), unbiased=False)
    return float(contrast.var(0, unbiased=False).mean().sqrt())


def relative_diversity(output: Tensor, target: Tensor) -> float:
    """Diversity of `output` in units of that of `target`, the real pictures it stands for; 1 when those are flat."""
    reference = diversity(target)
    return diversity(output) / reference if reference > MEANINGLESS else 1.0
