"""What a run must remember to go on as if it had never stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..errors import ConfigError, ModelError
from .checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from .ema import Ema


@dataclass
class TrainingState:
    """Trained weights, their average, the optimizer's moments, and where the run stands.

    Batches depend on the step alone and nothing else is random after the start, so no generator state is kept.
    """

    model: nn.Module
    ema: Ema
    optimizer: Optimizer
    step: int = 0
    """Steps done."""
    cpu_seconds: float = 0.0
    """CPU time spent so far, over all starts of the run."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """The recipe as plain values: a run goes on by the recipe that began it."""

    @property
    def facts(self) -> dict[str, Any]:
        """What a checkpoint says about its origin."""
        return {"recipe": self.recipe, "step": self.step, "cpu_seconds": round(self.cpu_seconds, 3)}

    def save(self, path: Path, generator: str, config: dict[str, Any]) -> None:
        """Write everything to one safetensors file, atomically."""
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"ema.{name}": value for name, value in self.ema.model.state_dict().items()}
        tensors |= {
            f"optimizer.{index}.{name}": value
            for index, moments in self.optimizer.state_dict()["state"].items()
            for name, value in moments.items()
        }
        save_checkpoint(path, Checkpoint(tensors, generator, config, self.facts))

    def restore(self, path: Path) -> None:
        """Take up what `save` wrote.

        Raises:
            ConfigError: the file was written under another recipe.
            ModelError: it is damaged or not such a file.
        """
        saved = load_checkpoint(path)
        # JSON has no tuples: the recipes are compared as JSON
        if saved.facts.get("recipe") != json.loads(json.dumps(self.recipe)):
            raise ConfigError(f"{path} was begun with another recipe; give a new output folder or the old recipe")
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimizer.", saved.tensors).items():
            index, key = name.split(".", 1)
            moments.setdefault(int(index), {})[key] = value
        try:
            self.step, self.cpu_seconds = int(saved.facts["step"]), float(saved.facts["cpu_seconds"])
            self.model.load_state_dict(_under("model.", saved.tensors))
            self.ema.model.load_state_dict(_under("ema.", saved.tensors))
            self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        except (KeyError, ValueError, RuntimeError) as error:
            raise ModelError(f"{path} is not the state of such a run: {error}") from error


def adam(model: nn.Module, lr: float, betas: tuple[float, ...]) -> Optimizer:
    """Adam (Kingma and Ba, ICLR 2015), all tensors updated by one fused kernel."""
    return torch.optim.Adam(model.parameters(), lr=lr, betas=(betas[0], betas[1]), fused=True)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
