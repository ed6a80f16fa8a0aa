"""What a discriminator D and a generator G minimise against each other, from logits.

r and f are the logits of real and of generated images, of any shape (one per image, per patch or per pixel);
D(x) = sigmoid(logit). E is the mean. -log sigmoid(x) = softplus(-x) and -log(1 - sigmoid(x)) = softplus(x) never
overflow, however sure the discriminator is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus


@dataclass(frozen=True, slots=True)
class AdversarialLoss:
    """What each side minimises; both are means, so that they do not depend on the number of logits."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    """`(real_logits, fake_logits) -> scalar`; `fake_logits` come from a detached image."""
    generator: Callable[[Tensor], Tensor]
    """`(fake_logits) -> scalar`."""
    threshold: float = 0.0
    """Logit above which an image is called real."""

    @property
    def ignorance(self) -> float:
        """What the discriminator pays for knowing nothing, with every logit on the threshold: 2 log 2, 1/4 or 2."""
        undecided = torch.tensor(self.threshold)
        return float(self.discriminator(undecided, undecided))

    def accuracy(self, real_logits: Tensor, fake_logits: Tensor) -> tuple[float, float]:
        """Shares in 0..1 of the logits on the right side of the threshold: of real images, of generated ones.

        A logit on the threshold is a coin toss and counts one half.
        """
        return _share_above(real_logits, self.threshold), 1 - _share_above(fake_logits, self.threshold)


def cross_entropy_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-E log D(real) - E log(1 - D(fake)) = E softplus(-r) + E softplus(f) (Goodfellow et al., NIPS 2014, eq. 1).

    Its value is 2 log 2 = 1.386 at logits of 0.
    """
    return softplus(-real_logits).mean() + softplus(fake_logits).mean()


def minimax_generator(fake_logits: Tensor) -> Tensor:
    """E log(1 - D(fake)) = -E softplus(f): the same value, minimised (Goodfellow et al., NIPS 2014, eq. 1).

    Its gradient, -sigmoid(f), vanishes where the discriminator is sure of itself: it saturates.
    """
    return -softplus(fake_logits).mean()


def nonsaturating_generator(fake_logits: Tensor) -> Tensor:
    """-E log D(fake) = E softplus(-f): the same fixed point, strong gradients early (Goodfellow et al., section 3)."""
    return softplus(-fake_logits).mean()


def least_squares_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E (r - 1)^2 / 2 + E f^2 / 2, labels 1 and 0, no sigmoid (Mao et al., LSGAN, ICCV 2017, eq. 9)."""
    return ((real_logits - 1).square().mean() + fake_logits.square().mean()) / 2


def least_squares_generator(fake_logits: Tensor) -> Tensor:
    """E (f - 1)^2 / 2 (Mao et al., LSGAN, ICCV 2017, eq. 9)."""
    return (fake_logits - 1).square().mean() / 2


def hinge_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E max(0, 1 - r) + E max(0, 1 + f) (Lim and Ye, Geometric GAN, 2017; Miyato et al., ICLR 2018, eq. 16)."""
    return relu(1 - real_logits).mean() + relu(1 + fake_logits).mean()


def hinge_generator(fake_logits: Tensor) -> Tensor:
    """-E f (Lim and Ye, Geometric GAN, 2017; Miyato et al., ICLR 2018, eq. 17)."""
    return -fake_logits.mean()


MINIMAX = AdversarialLoss(cross_entropy_discriminator, minimax_generator)
NONSATURATING = AdversarialLoss(cross_entropy_discriminator, nonsaturating_generator)
LEAST_SQUARES = AdversarialLoss(least_squares_discriminator, least_squares_generator, threshold=0.5)
HINGE = AdversarialLoss(hinge_discriminator, hinge_generator)


def r1(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """E |grad_x s(x)|^2 / 2 at real images, s the mean of an image's logits (Mescheder et al., ICML 2018, eq. 9).

    `real` is `(N, C, H, W)`; the weight (gamma) is the caller's. Runs in float32 whatever autocast says: the square
    of a gradient underflows in half precision. Differentiable in the discriminator's weights; every operation of the
    discriminator must have a second derivative.
    """
    with torch.autocast(real.device.type, enabled=False):
        images = real.detach().float().requires_grad_()
        scores = discriminator(images).flatten(1).mean(1)
        (slope,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return slope.square().flatten(1).sum(1).mean() / 2


def _share_above(logits: Tensor, threshold: float) -> float:
    return float(((logits.detach() - threshold).sign().mean() + 1) / 2)
