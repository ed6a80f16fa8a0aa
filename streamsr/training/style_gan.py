"""Style against a discriminator that knows the artworks: one loop, read top to bottom.

Statistics of features do not tell a brush stroke from a blur of the same colours; a discriminator that compares patches
of the artworks with patches of the paintings does (Li and Wand, ECCV 2016). It is told the style of each patch (Mirza
and Osindero, 2014) by planes beside the colours, as Isola et al. (CVPR 2017) tell theirs of the sketch. The perceptual
loss stays: it alone knows of content.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ..generators.base import CHANNELS
from ..generators.style import rows_of
from ..signals import stop_on_signals
from .adversary import Adversary, adversarial_section, new_judge
from .comparisons import Comparisons
from .ema import Ema
from .practice import freeze_in_time, practise
from .run import MODEL_NAME
from .schedule import set_rate
from .state import new_optimizer
from .style_recipe import StyleRecipe
from .style_run import prepare


def train(recipe: StyleRecipe, data: Path, art: Path, out: Path, devices: int = 1) -> Path:
    """Train as `recipe` says, which has a table `adversarial`; the rest is as in `style.train`.

    Raises:
        ConfigError: an impossible recipe, no start, no photographs, or `out` belonging to another recipe.
        ModelError: the backbone's file is none.
        TrainingError: the networks fell out of balance and could not be brought back.
    """
    section = adversarial_section(recipe, recipe.adversarial, recipe.data.batch, devices)
    run, model = prepare(recipe, data, art, out, devices)
    run = replace(run, patches=Comparisons(run.patches, run.artworks, recipe))
    judge = new_judge(recipe, section, CHANNELS[model.color] + 1 + len(run.artworks), recipe.data.patch)
    adversary = Adversary(run, section, judge, recipe.balance)
    ema, optimizer = Ema(model, recipe.optim.ema), new_optimizer(model, recipe.optim)
    state = run.begin(
        {"model": model, "ema": ema.model, "judge": adversary.judge},
        {"optimizer": optimizer, "judge_optimizer": adversary.optimizer},
    )
    adversary.launch(state)
    network, optimizer = run.fabric.setup(model, optimizer)

    with stop_on_signals(run.stop.set), run.log(state) as log:
        for *lesson, real in run.batches(state):
            freeze_in_time(run, model, ema, state.optimizers["optimizer"], state.step)
            set_rate(optimizer, recipe.rate(state.step))
            practised, label = practise(run, network, lesson, state.step), rows_of(*lesson[1:3])
            output = practised.output
            verdict = adversary.learn(labelled(real, label), labelled(output.detach(), label), state.step)
            loss = practised.loss + adversary.lesson(labelled(output, label), labelled(real, label))
            run.fabric.backward(loss)
            norm = run.step(network, optimizer, state.step)
            ema.update(model, state.step)

            if change := adversary.watch(verdict, norm, output, real, state):
                log.say(state.step, change)
            run.finish_step(state, log, ema.model, **practised.parts, judge=verdict.loss, **adversary.averages)
        run.save(state, ema.model)
    return out / MODEL_NAME


def labelled(pictures: Tensor, label: Tensor) -> Tensor:
    """`(N, 3, H, W)` with `(N, R)` beside the colours, each number a plane: `(N, 3 + R, H, W)`."""
    planes = label[..., None, None].expand(-1, -1, *pictures.shape[2:])
    return torch.cat([pictures, planes], 1)
