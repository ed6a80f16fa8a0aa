"""Super-resolution training for fidelity (PSNR): one loop, read top to bottom.

    python -m streamsr.training.sr RECIPE.toml --data FOLDER --out runs/live-x2 [--validate FOLDER_OF_HR_IMAGES]

Run it again with the same arguments to go on where it stopped; Ctrl-C saves first.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from threading import Event

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ..errors import ConfigError
from ..generators import GENERATORS
from ..signals import stop_on_signals
from .checkpoint import Checkpoint, save_checkpoint
from .data import Pair, Patches, find_images, load_pairs
from .ema import Ema
from .metrics import psnr
from .progress import RunLog
from .recipe import Recipe, load_recipe
from .schedule import learning_rate, loss_schedule
from .state import TrainingState, adam

STATE_NAME = "state.safetensors"
MODEL_NAME = "model.safetensors"


def train(recipe: Recipe, data: Path, out: Path, validate: Path | None = None) -> Path:
    """Train as `recipe` says on the images under `data`; write `model.safetensors` (averaged weights) into `out`.

    `out` also gets `state.safetensors`, from which a second call goes on bit for bit, and `log.jsonl`. `validate` is
    a folder of high-resolution images whose mean PSNR-Y is logged. SIGINT saves and returns early.

    Raises:
        ConfigError: an impossible recipe, no images, or `out` belonging to another recipe.
    """
    options, optim = recipe.run, recipe.optim
    out.mkdir(parents=True, exist_ok=True)
    if options.threads:
        torch.set_num_threads(options.threads)
    images = find_images(data, recipe.data.include, recipe.data.exclude)
    patches = Patches(load_pairs(images, recipe.scale, out), recipe.scale, recipe.data, options.seed)
    held_out = load_pairs(find_images(validate, ["*"], []), recipe.scale) if validate else []

    fabric = Fabric(accelerator="auto", devices=1)
    state = begin(recipe, out, fabric.device)
    model, optimizer = fabric.setup(state.model, state.optimizer)
    loss_at = loss_schedule(recipe.loss, optim.steps)
    # not Fabric's "bf16-mixed": it rounds the input picture too, and half a code value of its brightness is lost
    low_precision = torch.autocast(fabric.device.type, torch.bfloat16, enabled=options.precision == "bf16")
    cpu_before = state.cpu_seconds - time.process_time()
    stop = Event()

    with stop_on_signals(stop.set), RunLog(out / "log.jsonl", optim.steps, state.step) as log:
        while state.step < optim.steps and not stop.is_set():
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(state.step, optim)
            batch = patches.batch(state.step)
            low, high = (side.to(fabric.device, memory_format=torch.channels_last) for side in batch)
            with low_precision:
                output = model(low)
            loss = loss_at(state.step)(output, high)
            fabric.backward(loss)
            fabric.clip_gradients(model, optimizer, max_norm=optim.clip)
            optimizer.step()
            optimizer.zero_grad()
            state.ema.update(state.model, state.step)
            state.step, state.cpu_seconds = state.step + 1, cpu_before + time.process_time()
            report(state, recipe, loss, held_out, log)
            if state.step % options.checkpoint_every == 0:
                save(state, recipe, out)
        save(state, recipe, out)
    return out / MODEL_NAME


def report(state: TrainingState, recipe: Recipe, loss: Tensor, held_out: list[Pair], log: RunLog) -> None:
    """Log the step that was just made, when it is due."""
    step, options = state.step, recipe.run
    if step % options.log_every == 0:
        rate = state.optimizer.param_groups[0]["lr"]
        log.write(step, loss=loss.item(), lr=rate, cpu=round(state.cpu_seconds, 1))
    if held_out and (step % options.evaluate_every == 0 or step == recipe.optim.steps):
        log.write(step, psnr=evaluate(state.ema.model, held_out, recipe.scale))


def begin(recipe: Recipe, out: Path, device: torch.device) -> TrainingState:
    """The state of the run in `out` if there is one, else a fresh one, on `device`."""
    torch.manual_seed(recipe.run.seed)
    kind = GENERATORS.load(recipe.generator.name)
    try:
        model: nn.Module = kind(kind.Config(**recipe.generator.config)).to(device)
    except TypeError as error:
        raise ConfigError(f"recipe {recipe.name!r}: generator {recipe.generator.name!r}: {error}") from error
    optimizer = adam(model, recipe.optim.lr, recipe.optim.betas)
    state = TrainingState(model, Ema(model, recipe.optim.ema), optimizer, recipe=asdict(recipe))
    if (out / STATE_NAME).exists():
        state.restore(out / STATE_NAME)
    return state


@torch.no_grad()
def evaluate(model: nn.Module, pairs: list[Pair], scale: int) -> float:
    """Mean PSNR-Y in dB by the rule of `metrics`."""
    device = next(model.parameters()).device
    scores = []
    for pair in pairs:
        low = torch.from_numpy(pair.low).to(device)[None, None].float() / 255
        picture = (model(low) * 255).round().clamp(0, 255).to("cpu", torch.uint8).numpy()[0, 0]
        scores.append(psnr(picture, pair.high, scale))
    return float(np.mean(scores))


def save(state: TrainingState, recipe: Recipe, out: Path) -> None:
    """Write the state to go on from, and the model as it is now."""
    name, config = recipe.generator.name, recipe.generator.config
    state.save(out / STATE_NAME, name, config)
    save_checkpoint(out / MODEL_NAME, Checkpoint(state.ema.model.state_dict(), name, config, state.facts))


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description="Train a super-resolution generator.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of training images")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights, state and log")
    parser.add_argument("--validate", type=Path, help="folder of high-resolution images, never trained on")
    options = parser.parse_args()
    train(load_recipe(options.recipe), options.data, options.out, options.validate)


if __name__ == "__main__":
    main()
