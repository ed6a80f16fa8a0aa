"""The other side of adversarial training: a discriminator that learns beside the generator, and is watched."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigError
from ..generators import DISCRIMINATORS
from .balance import Action, Balance, BalanceConfig, Observation
from .diversity import PATCH, relative_diversity
from .losses import ADVERSARIAL
from .losses.adversarial import AdversarialLoss, r1
from .losses.regular import feature_matching
from .recipe import AdversarialSection, RunRecipe
from .run import Run
from .schedule import set_rate
from .start import built
from .state import TrainingState, adam

NOTE = "balance"
"""Where the watch's state is among the run's notes."""
LATE_R1 = 1.0
"""Weight of the R1 penalty when the watch switches on what the recipe has at 0."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One step of the discriminator: its loss, how often it was right of each side, the norm of its gradient."""

    loss: float
    real_accuracy: float
    fake_accuracy: float
    norm: float


class Adversary:
    """A discriminator, its optimizer, and the watch over the balance."""

    def __init__(self, run: Run, section: AdversarialSection, judge: Any, balance: BalanceConfig) -> None:
        """`judge` is a network as in `DISCRIMINATORS`, such as `new_judge` makes."""
        self._run, self._section, self._config = run, section, balance
        self._loss: AdversarialLoss = ADVERSARIAL.load(section.loss)
        self.judge = judge.to(run.fabric.device)
        self.optimizer = adam(self.judge, section.lr, run.recipe.optim.betas)
        self._balance = Balance(balance, r1=section.r1 > 0)

    def launch(self, state: TrainingState) -> None:
        """Spread over the processes, once `state` has been restored into the judge and the optimizer."""
        if NOTE in state.notes:
            self._balance = Balance.from_state(self._config, state.notes[NOTE])
        self._court, self._stepper = self._run.fabric.setup(self.judge, self.optimizer)

    def learn(self, real: Tensor, fake: Tensor, step: int) -> Verdict:
        """One step of the discriminator on `(N, C, H, W)` pictures; `fake` is detached."""
        run, action = self._run, self._balance.action
        set_rate(self.optimizer, self._section.lr * action.rate_factor)
        with run.low_precision:
            # both in one call: it is one forward pass for each backward pass, as several processes need it
            logits = self._court(torch.cat([real, fake])).float().chunk(2)
        loss = self._loss.discriminator(*logits)
        run.fabric.backward(loss + self._penalty(real, step, action))
        norm = run.step(self._court, self._stepper, step)
        return Verdict(loss.item(), *self._loss.accuracy(*logits), norm)

    def _penalty(self, real: Tensor, step: int, action: Action) -> Tensor:
        section = self._section
        weight = section.r1 or (LATE_R1 if action.r1 else 0.0)
        if not weight or step % section.r1_every:
            return real.new_zeros(())
        return weight * section.r1_every * r1(self.judge, real)

    def lesson(self, output: Tensor, real: Tensor) -> Tensor:
        """What the generator is to minimise so that its pictures pass; the discriminator stays as it is."""
        section, total = self._section, output.new_zeros(())
        self.judge.requires_grad_(False)
        with self._run.low_precision:
            *inner, logits = self.judge.features(output)
            total = total + section.weight * self._loss.generator(logits.float())
            if section.feature_matching:
                with torch.no_grad():
                    *wanted, _ = self.judge.features(real)
                total = total + section.feature_matching * feature_matching(inner, wanted)
        self.judge.requires_grad_(True)
        return total

    def watch(self, verdict: Verdict, norm: float, output: Tensor, real: Tensor, state: TrainingState) -> str:
        """Tell the watch of the step; what it changes and why, or nothing.

        Raises:
            TrainingError: the training is lost.
        """
        diversity = relative_diversity(output.detach(), real)
        overshoot = verdict.loss / self._loss.ignorance
        seen = Observation(verdict.real_accuracy, verdict.fake_accuracy, norm, verdict.norm, diversity, overshoot)
        action = self._balance.observe(Observation(*self._run.mean(list(astuple(seen)))))
        state.notes[NOTE] = self._balance.to_state()
        return action.reason

    @property
    def averages(self) -> dict[str, float]:
        """What the watch sees, for the log."""
        return self._balance.averages


def adversarial_section(
    recipe: RunRecipe, section: AdversarialSection | None, batch: int, devices: int
) -> AdversarialSection:
    """The table `adversarial` of a recipe that is to be trained with one, `batch` patches a step on `devices`.

    Raises:
        ConfigError: it has none, nothing to start from, or too few patches.
    """
    if section is None or not recipe.generator.start:
        raise ConfigError(f"recipe {recipe.name!r} needs a table [adversarial], and generator.start to warm up from")
    if batch < 2 * devices:
        raise ConfigError(f"a batch of {batch} is too small: the watch compares the pictures of a device")
    return section


def new_judge(recipe: RunRecipe, section: AdversarialSection, channels: int, side: int) -> Any:
    """The recipe's discriminator, for pictures of `channels` and patches of `side` pixels.

    Raises:
        ConfigError: a configuration that the architecture does not have, or patches too small for it or for the watch.
        UnknownNameError: no such architecture.
    """
    torch.manual_seed(recipe.run.seed)
    where = f"recipe {recipe.name!r}: discriminator {section.discriminator!r}"
    judge = built(DISCRIMINATORS.load(section.discriminator), {"channels": channels} | section.config, where)
    try:
        with torch.no_grad():
            judge.eval()(torch.zeros(2, channels, side, side))
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"{where} cannot judge patches of {side} pixels; try a larger data.patch") from error
    if side < PATCH:
        raise ConfigError(f"{where}: the watch compares patches of {PATCH} pixels or more, not {side}")
    return judge.train()
