"""What a painting of a photograph must have: the artwork's texture, the photograph's content, and a steady hand.

Features are `(N, C, H, W)`, outputs of one layer of a frozen network. A loss returns one figure for each picture,
`(N,)` float32, so that pictures of one batch may have different styles and weights.
"""

from __future__ import annotations

import torch
from torch import Tensor

LUMA = (0.2126, 0.7152, 0.0722)
"""Of R'G'B' by BT.709."""
TINY = 1e-10
"""Keeps divisions defined where there is nothing at all."""


def gram(features: Tensor) -> Tensor:
    """Mean over the places of the products of every two channels: `(N, C, C)` float32, F F^T / (H W).

    What is where is forgotten; what comes with what is kept: a texture (Gatys, Ecker, Bethge, CVPR 2016, eq. 3; divided
    by the number of places as in Johnson et al., ECCV 2016, eq. 3, so that pictures of any size compare).
    """
    places = features.float().permute(0, 2, 3, 1).flatten(1, 2)  # no copy where channels come last
    return places.transpose(1, 2) @ places / places.shape[1]


def moments(features: Tensor, products: Tensor) -> Tensor:
    """Mean and standard deviation of each channel, `(N, 2, C)` float32: the statistics that AdaIN matches.

    Huang and Belongie, "Arbitrary Style Transfer in Real-time" (ICCV 2017, eq. 13). `products` is `gram(features)`,
    whose diagonal holds the mean squares.
    """
    mean = features.float().mean((2, 3))
    variance = torch.diagonal(products, dim1=1, dim2=2) - mean * mean
    return torch.stack([mean, variance.clamp_min(TINY).sqrt()], 1)


def relative_error(ours: Tensor, theirs: Tensor) -> Tensor:
    """|ours - theirs|^2 / |theirs|^2 for each of N, `(N,)` float32: 0 is equal, 1 as wrong as nothing at all.

    Of Gram matrices it is the style loss of a layer (Gatys et al., eq. 4). It is relative, so that one weight means the
    same for every layer and every artwork, and no style is stronger than another because its artwork is.
    """
    reference = theirs.float().flatten(1)
    difference = (ours.float().flatten(1) - reference).square().sum(1)
    return difference / reference.square().sum(1).clamp_min(TINY)


def luma(rgb: Tensor) -> Tensor:
    """`(N, 3, H, W)` -> `(N, 1, H, W)`: the weighted sum of R'G'B'."""
    weights = torch.tensor(LUMA, dtype=rgb.dtype, device=rgb.device)
    return torch.einsum("nchw,c->nhw", rgb, weights)[:, None]


def unsteadiness(now: Tensor, then: Tensor, brighter: Tensor, valid: Tensor) -> Tensor:
    """Mean over the valid pixels and the channels of (now - then - brighter)^2: what changed without a reason, `(N,)`.

    The output temporal loss of ReCoNet (Gao et al., ACCV 2018, eq. 3), luminance-aware: where the input has become
    `brighter`, the output is to become so by as much in every channel, instead of not at all.

    Args:
        now: an output `(N, C, H, W)`.
        then: the output before, moved to where it should be now.
        brighter: change of the input's luma `(N, 1, H, W)`, likewise.
        valid: `(N, 1, H, W)`, 1 where both outputs show the same, else 0.
    """
    squares = (now - then - brighter).square().mean(1, keepdim=True) * valid
    return squares.flatten(1).sum(1) / valid.flatten(1).sum(1).clamp_min(1)
