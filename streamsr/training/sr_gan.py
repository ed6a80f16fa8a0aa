"""Super-resolution against a discriminator (SRGAN, Ledig et al., CVPR 2017): one loop, read top to bottom.

The generator starts from one that was trained for fidelity, as there: from a random start the two never meet.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..generators.base import CHANNELS
from ..signals import stop_on_signals
from .adversary import Adversary, adversarial_section, new_judge
from .backbones import load_backbone
from .ema import Ema
from .losses.regular import stability
from .perceptual import PerceptualLoss
from .recipe import Recipe
from .run import MODEL_NAME
from .schedule import Loss, learning_rate, loss_schedule, set_rate
from .sr_run import SrRun, prepare
from .state import new_optimizer

SPREAD = 0x9E3779B1
"""2^32 over the golden ratio, as in Knuth's multiplicative hashing."""


def train(recipe: Recipe, data: Path, out: Path, validate: Path | None = None, devices: int = 1) -> Path:
    """Train as `recipe` says, which has a table `adversarial`; arguments, files and resuming are those of `sr.train`.

    Raises:
        ConfigError: an impossible recipe, no start, no images, or `out` belonging to another recipe.
        TrainingError: the networks fell out of balance and could not be brought back.
    """
    section = adversarial_section(recipe, recipe.adversarial, recipe.data.batch, devices)
    run, model = prepare(recipe, data, out, validate, devices)
    judge = new_judge(recipe, section, CHANNELS[model.color], recipe.data.patch * recipe.scale)
    adversary = Adversary(run, section, judge, recipe.balance)
    ema, optimizer = Ema(model, recipe.optim.ema), new_optimizer(model, recipe.optim)
    state = run.begin(
        {"model": model, "ema": ema.model, "judge": adversary.judge},
        {"optimizer": optimizer, "judge_optimizer": adversary.optimizer},
    )
    adversary.launch(state)
    fidelity, perceptual, fabric = loss_schedule(recipe.loss, recipe.optim.steps), perceptual_loss(run), run.fabric
    network, optimizer = fabric.setup(model, optimizer)

    with stop_on_signals(run.stop.set), run.log(state) as log:
        for low, high in run.batches(state):
            set_rate(optimizer, learning_rate(state.step, recipe.optim))
            with run.low_precision:
                output = network(low).float()
            verdict = adversary.learn(high, output.detach(), state.step)

            loss = fidelity(state.step)(output, high) + adversary.lesson(output, high)
            with run.low_precision:
                if perceptual is not None:
                    loss = loss + perceptual(output, high)
                if section.stability:
                    loss = loss + section.stability * stability(model, low, output, noise(run, low, state.step))
            fabric.backward(loss)
            norm = run.step(network, optimizer, state.step)
            ema.update(model, state.step)

            if change := adversary.watch(verdict, norm, output, high, state):
                log.say(state.step, change)
            run.finish_step(state, log, ema.model, loss=loss.detach(), judge=verdict.loss, **adversary.averages)
        run.save(state, ema.model)
    return out / MODEL_NAME


def perceptual_loss(run: SrRun) -> Loss | None:
    """The recipe's perceptual loss with its weights read, or None without one.

    Raises:
        ModelError: the file is no backbone.
        UnknownNameError: a layer it does not have.
    """
    section = run.recipe.perceptual
    if section is None:
        return None
    backbone = load_backbone(Path(section.file).expanduser()).to(run.fabric.device)
    return PerceptualLoss(backbone, section.layers)


def noise(run: SrRun, low: Tensor, step: int) -> Tensor:
    """Noise of the recipe's strength in the shape of `low`; it depends on seed, step and process alone."""
    section, fabric = run.recipe.adversarial, run.fabric
    # torch heeds 32 bits of a seed only: an odd factor spreads the recipe's over them
    number = run.recipe.run.seed * SPREAD + (step << 8) + fabric.global_rank
    random = torch.Generator().manual_seed(number % (1 << 32))
    drawn = torch.randn(low.shape, generator=random).to(low.device)
    return drawn * (section.noise if section else 0.0)
