"""What a run must remember to go on as if it had never stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from ..errors import ConfigError, ModelError
from .checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from .muon import Muon
from .recipe import OptimSection


@dataclass
class TrainingState:
    """Weights and their average, the optimizers' moments, and where the run stands.

    Batches, noise and rates depend on the step alone, and a network's own random state (the vectors of spectral norm)
    is among its tensors: so there is no generator of random numbers to keep.
    """

    modules: dict[str, nn.Module]
    optimizers: dict[str, Optimizer]
    recipe: dict[str, Any]
    """The recipe as plain values: a run goes on by the recipe that began it."""
    step: int = 0
    """Steps done."""
    cpu_seconds: float = 0.0
    """CPU time spent so far, over all starts of the run."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What else the loop must remember; plain JSON."""
    _clock: float = field(default_factory=time.process_time)

    def advance(self) -> None:
        """Count a step, and the CPU time since the last one."""
        now = time.process_time()
        self.step, self.cpu_seconds, self._clock = self.step + 1, self.cpu_seconds + now - self._clock, now

    @property
    def facts(self) -> dict[str, Any]:
        """What a checkpoint says about its origin."""
        return {"recipe": self.recipe, "step": self.step, "cpu_seconds": round(self.cpu_seconds, 3)}

    def save(self, path: Path, generator: str, config: dict[str, Any]) -> None:
        """Write everything to one safetensors file, atomically."""
        tensors = {
            f"{part}.{name}": value
            for part, module in self.modules.items()
            for name, value in module.state_dict().items()
        }
        tensors |= {
            f"{part}.{index}.{name}": value
            for part, optimizer in self.optimizers.items()
            for index, moments in optimizer.state_dict()["state"].items()
            for name, value in moments.items()
        }
        save_checkpoint(path, Checkpoint(tensors, generator, config, self.facts | {"notes": self.notes}))

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
        try:
            self.step, self.cpu_seconds = int(saved.facts["step"]), float(saved.facts["cpu_seconds"])
            self.notes = dict(saved.facts["notes"])
            for part, module in self.modules.items():
                module.load_state_dict(_under(f"{part}.", saved.tensors))
            for part, optimizer in self.optimizers.items():
                moments = _moments(_under(f"{part}.", saved.tensors))
                optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelError(f"{path} is not the state of such a run: {error}") from error


def new_optimizer(model: nn.Module, section: OptimSection) -> Optimizer:
    """The optimizer that the recipe names."""
    first, second = section.betas
    if section.method == "muon":
        return Muon(model, section.lr, (first, second))
    return adam(model, section.lr, section.betas)


def adam(model: nn.Module, lr: float, betas: tuple[float, ...]) -> Optimizer:
    """Adam (Kingma and Ba, ICLR 2015), all tensors updated by one fused kernel."""
    return Adam(model.parameters(), lr=lr, betas=(betas[0], betas[1]), fused=True)


def _moments(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = value
    return moments


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
