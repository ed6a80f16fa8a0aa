"""A recipe at work: the devices and the folder of a run, and what every loop does around its steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Protocol, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from ..errors import ConfigError, TrainingError
from ..prefetch import prefetch
from .checkpoint import Checkpoint, save_checkpoint
from .progress import RunLog
from .recipe import RunRecipe
from .state import TrainingState

STATE_NAME = "state.safetensors"
MODEL_NAME = "model.safetensors"
AGREE_EVERY = 10
"""Steps after which several processes ask each other whether one of them is to stop."""

Batch = tuple[Tensor, ...]


class Batches(Protocol):
    """Where a loop's batches come from."""

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """The tensors of one step, or of `world` processes the part of process `rank`; they depend on these alone."""


@dataclass(frozen=True, slots=True)
class Run:
    """What stays the same during a run; a loop's own kind adds its data."""

    recipe: RunRecipe
    out: Path
    fabric: Fabric
    patches: Batches
    stop: Event = field(default_factory=Event, kw_only=True)
    """Set to end the run after the step it is in."""

    @property
    def low_precision(self) -> torch.autocast:
        """The context the networks run in.

        Not Fabric's "bf16-mixed": it rounds the input picture too, and half a code value of its brightness is lost.
        """
        device = self.fabric.device.type
        return torch.autocast(device, torch.bfloat16, enabled=self.recipe.run.precision == "bf16")

    def log(self, state: TrainingState) -> RunLog:
        """Where to tell of the run from `state` on; one process of several does."""
        return RunLog(self.out if self.fabric.is_global_zero else None, self.recipe.optim.steps, state.step)

    def begin(self, modules: dict[str, nn.Module], optimizers: dict[str, Optimizer]) -> TrainingState:
        """The state of a new run, or where the run in the folder stands, if there is one.

        Raises:
            ConfigError: the folder belongs to another recipe.
            ModelError: the state in it is damaged.
        """
        state = TrainingState(modules, optimizers, asdict(self.recipe))
        if (self.out / STATE_NAME).exists():
            state.restore(self.out / STATE_NAME)
        return state

    def batches(self, state: TrainingState) -> Iterator[Batch]:
        """The batches of the steps to come, made ahead in a thread; fewer when the run is to stop."""
        fabric, steps = self.fabric, range(state.step, self.recipe.optim.steps)
        rank, world = fabric.global_rank, fabric.world_size
        with closing(prefetch((self.patches.batch(step, rank, world) for step in steps), depth=2)) as made:
            for batch in made:
                if self._stopping(state.step):
                    return
                yield tuple(part.to(fabric.device) for part in batch)

    def _stopping(self, step: int) -> bool:
        if self.fabric.world_size == 1:
            return self.stop.is_set()
        if step % AGREE_EVERY:
            return False
        return self.mean([float(self.stop.is_set())])[0] > 0

    def mean(self, figures: list[float]) -> list[float]:
        """The mean of each figure over all processes, so that all decide alike."""
        if self.fabric.world_size == 1:
            return figures
        ours = torch.tensor(figures, device=self.fabric.device, dtype=torch.float64)
        return cast("Tensor", self.fabric.all_reduce(ours, reduce_op="mean")).tolist()

    def step(self, network: Any, optimizer: Any, step: int) -> float:
        """Clip the gradients, apply them, and clear them; returns their norm before clipping.

        Raises:
            TrainingError: they are not finite.
        """
        most = self.recipe.optim.clip
        norm = self.fabric.clip_gradients(network, optimizer, max_norm=most, error_if_nonfinite=False)
        size = math.nan if norm is None else float(norm)
        if not math.isfinite(size):
            raise TrainingError(f"the gradient of step {step} is {size}; try a lower rate, or fp32")
        optimizer.step()
        optimizer.zero_grad()
        return size

    def finish_step(self, state: TrainingState, log: RunLog, model: nn.Module, **values: float | Tensor) -> None:
        """Count the step that was just made; log, evaluate and save when it is due. `model` is what is shipped."""
        state.advance()
        step, options = state.step, self.recipe.run
        if step % options.log_every == 0:
            log.write(step, **{key: float(value) for key, value in values.items()}, cpu=round(state.cpu_seconds, 1))
        due = step % options.evaluate_every == 0 or step == self.recipe.optim.steps
        if due and self.fabric.is_global_zero:
            self.judge(step, log, model)
        if step % options.checkpoint_every == 0:
            self.save(state, model)

    def judge(self, step: int, log: RunLog, model: nn.Module) -> None:
        """Show what `model` can do after `step` steps; the process that tells does it."""

    def save(self, state: TrainingState, model: nn.Module) -> None:
        """Write the state to go on from, and the model as it is now; one process of several does."""
        if self.fabric.is_global_zero:
            name, config = self.recipe.generator.name, self.recipe.generator.config
            state.save(self.out / STATE_NAME, name, config)
            save_checkpoint(self.out / MODEL_NAME, Checkpoint(model.state_dict(), name, config, state.facts))


def launched(recipe: RunRecipe, batch: int, devices: int) -> Fabric:
    """The processes of a run, started, and torch's threads as the recipe says.

    Raises:
        ConfigError: `batch` pictures do not divide among so many `devices`.
    """
    if batch % devices:
        raise ConfigError(f"a batch of {batch} does not divide among {devices} devices")
    if recipe.run.threads:
        torch.set_num_threads(recipe.run.threads)
    fabric = Fabric(accelerator="auto", devices=devices, strategy="ddp" if devices > 1 else "auto")
    fabric.launch()
    return fabric
