"""Unpaired translation: photographs become paintings, and paintings photographs. One loop, read top to bottom.

After Zhu, Park, Isola, Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks"
(ICCV 2017). What is painted must pass for a painting, must say all there is to say of the photograph (what is made back
of it is the photograph), and a painting must be left as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from torch import Tensor

from ..signals import stop_on_signals
from .court import Court
from .cyclegan_recipe import CycleGanRecipe
from .cyclegan_run import Translators, prepare
from .ema import Ema
from .losses.pixel import l1
from .schedule import set_rate
from .state import new_optimizer

SPAN = 2.0
"""The weights of the paper are for values in [-1, 1], which differ by twice as much as ours."""


def train(recipe: CycleGanRecipe, a: Path, b: Path, out: Path) -> tuple[Path, Path]:
    """Train as `recipe` says on the pictures under `a` and `b`; write `a-to-b.safetensors` and `b-to-a.safetensors`.

    `out` also gets `state.safetensors`, from which a second call goes on bit for bit, `log.jsonl`, and TensorBoard's
    files. SIGINT saves and returns early.

    Raises:
        ConfigError: an impossible recipe, no pictures, or `out` belonging to another recipe.
        TrainingError: a gradient is not finite.
    """
    run, model = prepare(recipe, a, b, out)
    court = Court(run, recipe)
    ema, optimizer = Ema(model, recipe.optim.ema), new_optimizer(model, recipe.optim)
    state = run.begin(
        {"model": model, "ema": ema.model, "judges": court.judges, "pools": court.pools},
        {"optimizer": optimizer, "judges_optimizer": court.optimizer},
    )
    court.launch()
    network, optimizer = run.fabric.setup(model, optimizer)

    with stop_on_signals(run.stop.set), run.log(state) as log:
        for real_a, real_b in run.batches(state):
            if state.step == recipe.optim.freeze_at:
                freeze(model, ema)
            factor = recipe.optim.factor_at(state.step)
            set_rate(optimizer, recipe.optim.lr * factor)
            set_rate(court.optimizer, recipe.judge.lr * factor)

            with run.low_precision:
                made = network(real_a, real_b)
            fake_b, fake_a, back_a, back_b, same_a, same_b = (picture.float() for picture in made)
            fool = court.lesson(fake_a, fake_b)
            cycle, identity = apart(back_a, real_a, back_b, real_b), apart(same_a, real_a, same_b, real_b)
            weights = recipe.loss
            loss = recipe.judge.weight * fool + weights.cycle * cycle + weights.identity * identity
            run.fabric.backward(loss)
            run.step(network, optimizer, state.step)
            judge = court.learn((real_a, real_b), (fake_a, fake_b), state.step)

            ema.update(model, state.step)
            parts = {"loss": loss, "fool": fool, "cycle": cycle, "identity": identity, "judge": judge}
            run.finish_step(state, log, ema.model, **{name: part.detach() for name, part in parts.items()})
        run.save(state, ema.model)
    return run.file("a-to-b"), run.file("b-to-a")


def apart(a: Tensor, real_a: Tensor, b: Tensor, real_b: Tensor) -> Tensor:
    """The mean absolute difference of both pairs, added, in the paper's units."""
    return SPAN * (l1(a, real_a) + l1(b, real_b))


def freeze(model: Translators, ema: Ema) -> None:
    """Use running statistics from now on. They belong to the weights as they are: the average starts again."""
    for generator in model.directions().values():
        cast("Any", generator).freeze()
    ema.model.load_state_dict(model.state_dict())
