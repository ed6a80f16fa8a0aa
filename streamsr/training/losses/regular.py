"""What keeps a generator in order beside its main loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def total_variation(image: Tensor) -> Tensor:
    """Mean |x[i, j+1] - x[i, j]| + mean |x[i+1, j] - x[i, j]|, of `(…, H, W)` with H, W >= 2: smooth is cheap.

    The anisotropic form of Rudin, Osher and Fatemi (Physica D, 1992).
    """
    return image.diff(dim=-1).abs().mean() + image.diff(dim=-2).abs().mean()


def feature_matching(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Mean over the layers of mean |fake_l - real_l|: features of a discriminator, layer by layer.

    The generator learns to look right to the discriminator's inner layers, which is steadier than its verdict alone
    (Salimans et al., NIPS 2016, section 3.1; L1 over several layers: Wang et al., pix2pixHD, CVPR 2018, eq. 4).
    `fake` and `real` hold tensors of equal shapes; gradients flow to `fake` only.

    Raises:
        ValueError: no layers, or not as many of each.
    """
    pairs = list(zip(fake, real, strict=True))
    if not pairs:
        raise ValueError("feature matching needs the features of at least one layer")
    return torch.stack([F.l1_loss(ours, theirs.detach()) for ours, theirs in pairs]).mean()


def stability(generator: Callable[[Tensor], Tensor], image: Tensor, output: Tensor, noise: Tensor) -> Tensor:
    """Mean |G(image + noise) - G(image)|: invented detail must not hang on the noise, or it boils in a still scene.

    Stability training (Zheng et al., CVPR 2016), which trained on single pictures also steadies video (Eilertsen et
    al., CVPR 2019). `image` and `noise` are `(N, C, H, W)`, `output` is G(image), which the caller has already;
    gradients flow through both outputs. The caller draws the noise, so that a run stays repeatable.
    """
    return F.l1_loss(generator(image + noise), output)
