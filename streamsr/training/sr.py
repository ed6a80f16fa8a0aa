"""Super-resolution training for fidelity (PSNR): one loop, read top to bottom."""

from __future__ import annotations

from pathlib import Path

from ..signals import stop_on_signals
from .ema import Ema
from .recipe import Recipe
from .run import MODEL_NAME
from .schedule import learning_rate, loss_schedule, set_rate
from .sr_run import prepare
from .state import new_optimizer


def train(recipe: Recipe, data: Path, out: Path, validate: Path | None = None, devices: int = 1) -> Path:
    """Train as `recipe` says on the images and videos under `data`; write `model.safetensors` (averaged weights).

    `out` also gets `state.safetensors`, from which a second call goes on bit for bit, `log.jsonl`, and TensorBoard's
    files. `validate` is a folder of high-resolution images whose mean PSNR-Y is logged. SIGINT saves and returns early.

    Raises:
        ConfigError: an impossible recipe, no images, or `out` belonging to another recipe.
    """
    run, model = prepare(recipe, data, out, validate, devices)
    ema, optimizer = Ema(model, recipe.optim.ema), new_optimizer(model, recipe.optim)
    state = run.begin({"model": model, "ema": ema.model}, {"optimizer": optimizer})
    loss_at = loss_schedule(recipe.loss, recipe.optim.steps)
    fabric = run.fabric
    network, optimizer = fabric.setup(model, optimizer)

    with stop_on_signals(run.stop.set), run.log(state) as log:
        for low, high in run.batches(state):
            set_rate(optimizer, learning_rate(state.step, recipe.optim))
            with run.low_precision:
                output = network(low)
            loss = loss_at(state.step)(output.float(), high)
            fabric.backward(loss)
            run.step(network, optimizer, state.step)
            ema.update(model, state.step)
            run.finish_step(state, log, ema.model, loss=loss.detach())
        run.save(state, ema.model)
    return out / MODEL_NAME
