"""Pictures that a generator made some time ago: a discriminator that is shown them too does not chase the latest ones.

After Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial Training" (CVPR 2017),
as CycleGAN uses it (Zhu et al., ICCV 2017).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """At most `size` pictures of one shape. They are part of the module's state, so a run that resumes has them."""

    pictures: Tensor
    count: Tensor

    def __init__(self, size: int, shape: tuple[int, int, int]) -> None:
        """`shape` is `(C, H, W)`; a pool of size 0 hands back what it is given."""
        super().__init__()
        self.register_buffer("pictures", torch.zeros(size, *shape))
        self.register_buffer("count", torch.tensor(0))

    @torch.no_grad()
    def exchange(self, fresh: Tensor, rng: np.random.Generator) -> Tensor:
        """As many pictures as the fresh ones, `(N, C, H, W)`, detached.

        While the pool fills, they are the fresh ones. From then on each fresh picture, with a chance of one half, is
        kept in the place of an old one, which comes back instead of it.
        """
        return torch.stack([self._exchange_one(picture, rng) for picture in fresh.detach()])

    def _exchange_one(self, fresh: Tensor, rng: np.random.Generator) -> Tensor:
        size, count = len(self.pictures), int(self.count)
        if count < size:
            self.pictures[count] = fresh
            self.count += 1
            return fresh
        if size == 0 or rng.random() < 0.5:
            return fresh
        place = int(rng.integers(size))
        old = self.pictures[place].clone()
        self.pictures[place] = fresh
        return old
