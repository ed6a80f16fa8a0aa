"""Distances between pictures as a frozen network sees them: one to train by, one to judge by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from .backbones import Backbone

TINY = 1e-10
"""Keeps the division by the size of features defined where all of them are 0."""


class PerceptualLoss(nn.Module):
    """sum_l w_l mean (phi_l(output) - phi_l(target))^2 / mean phi_l(target)^2, phi_l the features of layer l.

    Feature reconstruction (Johnson et al., ECCV 2016, eq. 2; in SRGAN, Ledig et al., CVPR 2017, eq. 5). The raw mean
    squares reach from 1e2 to 1e6 among the layers of one backbone; divided by the target's own, a weight of 1 means
    the same on every layer, and the loss does not depend on how a backbone scales its input. A slight blur (sigma 1
    pixel) costs about 0.1 on any layer of VGG-19.
    """

    def __init__(self, backbone: Backbone, layers: Mapping[str, float]) -> None:
        super().__init__()
        self.backbone = backbone
        self.layers = dict(layers)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of `(N, 3 or 1, H, W)` images in [0, 1], a scalar; gradients flow to `output` only.

        Raises:
            UnknownNameError: a layer that the backbone does not have.
        """
        ours = self.backbone.features(output, self.layers)
        with torch.no_grad():
            theirs = self.backbone.features(target, self.layers)
        terms = [weight * _relative_error(ours[name], theirs[name]) for name, weight in self.layers.items()]
        return torch.stack(terms).sum()


def _relative_error(ours: Tensor, theirs: Tensor) -> Tensor:
    reference = theirs.float()
    return (ours.float() - reference).square().mean() / reference.square().mean().clamp_min(TINY)


@torch.no_grad()
def feature_distance(backbone: Backbone, image: Tensor, truth: Tensor, layers: Iterable[str] | None = None) -> Tensor:
    """How different two pictures look, per image: mean over layers and places of |u_l(image) - u_l(truth)|^2.

    u_l is the vector of features of layer l at one place, scaled to length 1; `layers` are the backbone's `taps`
    unless given. 0 is equal, 2 is the most that features behind a ReLU can differ. This is LPIPS (Zhang et al., CVPR
    2018, eq. 1) with every channel weighing the same: the weights they learned belong to other checkpoints of these
    networks, and even without them their study found such distances closer to people's judgement than PSNR and SSIM.
    Judge a generator with the backbone it was not trained by: the one it was trained by it has learned to please.

    `image` and `truth` are `(N, 3 or 1, H, W)` in [0, 1] of one shape; returns `(N,)` float32.

    Raises:
        UnknownNameError: a layer that the backbone does not have.
    """
    names = list(layers or backbone.taps)
    ours, theirs = (backbone.features(side, names) for side in (image, truth))
    return torch.stack([_direction_error(ours[name], theirs[name]) for name in names]).mean(0)


def _direction_error(ours: Tensor, theirs: Tensor) -> Tensor:
    difference = _directions(ours) - _directions(theirs)
    return difference.square().sum(1).mean((1, 2))


def _directions(features: Tensor) -> Tensor:
    """`(N, C, H, W)` with every place's vector of C scaled to length 1; zero vectors stay."""
    lengths: Tensor = torch.linalg.vector_norm(features.float(), dim=1, keepdim=True)
    return features / (lengths + TINY)
