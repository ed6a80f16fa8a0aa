"""The two discriminators of a CycleGAN, one for each kind of pictures, and the pictures they are shown."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from .adversary import new_judge
from .cyclegan_recipe import CycleGanRecipe
from .image_pool import ImagePool
from .losses import ADVERSARIAL
from .losses.adversarial import AdversarialLoss
from .recipe import AdversarialSection
from .run import Run
from .state import adam

CHANNELS = 3
KINDS = "a", "b"


class Court:
    """Discriminators, their optimizer, and a pool of made pictures for each."""

    def __init__(self, run: Run, recipe: CycleGanRecipe) -> None:
        self._run, self._recipe, section = run, recipe, recipe.judge
        self._loss: AdversarialLoss = ADVERSARIAL.load(section.loss)
        side, described = recipe.data.patch, AdversarialSection(section.discriminator, section.config)
        self.judges = nn.ModuleDict({kind: new_judge(recipe, described, CHANNELS, side) for kind in KINDS})
        self._pools = {kind: ImagePool(section.pool, (CHANNELS, side, side)) for kind in KINDS}
        self.pools = nn.ModuleDict(self._pools).to(run.fabric.device)
        self.judges.to(run.fabric.device)
        self.optimizer = adam(self.judges, section.lr, recipe.optim.betas)

    def launch(self) -> None:
        """Hand them to Fabric, once a run that resumes has been restored."""
        self._court, self._stepper = self._run.fabric.setup(self.judges, self.optimizer)

    def lesson(self, fake_a: Tensor, fake_b: Tensor) -> Tensor:
        """What the generators are to minimise so that their pictures pass; the discriminators stay as they are."""
        self.judges.requires_grad_(False)
        with self._run.low_precision:
            logits = [self.judges[kind](fake).float() for kind, fake in zip(KINDS, (fake_a, fake_b), strict=True)]
        self.judges.requires_grad_(True)
        return torch.stack([self._loss.generator(each) for each in logits]).sum()

    def learn(self, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor], step: int) -> Tensor:
        """One step of both on pictures of a and of b, `(N, 3, p, p)` each; returns the sum of their losses."""
        loss = torch.stack([self._judged(*each, step) for each in zip(KINDS, real, fake, strict=True)]).sum()
        self._run.fabric.backward(loss)
        self._run.step(self._court, self._stepper, step)
        return loss.detach()

    def _judged(self, kind: str, real: Tensor, fake: Tensor, step: int) -> Tensor:
        rng = np.random.default_rng((self._recipe.run.seed, step, ord(kind)))
        shown = self._pools[kind].exchange(fake, rng)
        with self._run.low_precision:
            logits = self.judges[kind](torch.cat([real, shown])).float().chunk(2)
        return self._loss.discriminator(*logits)
