"""Style: one network learns to paint photographs as several artworks are painted. One loop, read top to bottom.

After Johnson et al. (ECCV 2016) and Dumoulin et al. (ICLR 2017). It learns to hold still, too: whatever differs by
noise, by a movement, or by brightness is to be painted alike.
"""

from __future__ import annotations

from pathlib import Path

from ..signals import stop_on_signals
from .ema import Ema
from .practice import freeze_in_time, practise
from .run import MODEL_NAME
from .schedule import set_rate
from .state import new_optimizer
from .style_recipe import StyleRecipe
from .style_run import prepare


def train(recipe: StyleRecipe, data: Path, art: Path, out: Path, devices: int = 1) -> Path:
    """Train as `recipe` says on the photographs under `data` and the artworks in `art`; write `model.safetensors`.

    The files in `out`, resuming and SIGINT are those of `sr.train`.

    Raises:
        ConfigError: an impossible recipe, no photographs, an artwork that is not there, or `out` belonging to another
            recipe.
        ModelError: the backbone's file is none.
        TrainingError: the gradient is not finite.
    """
    run, model = prepare(recipe, data, art, out, devices)
    ema, optimizer = Ema(model, recipe.optim.ema), new_optimizer(model, recipe.optim)
    state = run.begin({"model": model, "ema": ema.model}, {"optimizer": optimizer})
    network, optimizer = run.fabric.setup(model, optimizer)

    with stop_on_signals(run.stop.set), run.log(state) as log:
        for lesson in run.batches(state):
            freeze_in_time(run, model, ema, state.optimizers["optimizer"], state.step)
            set_rate(optimizer, recipe.rate(state.step))
            practised = practise(run, network, lesson, state.step)
            run.fabric.backward(practised.loss)
            run.step(network, optimizer, state.step)
            ema.update(model, state.step)
            run.finish_step(state, log, ema.model, **practised.parts)
        run.save(state, ema.model)
    return out / MODEL_NAME
