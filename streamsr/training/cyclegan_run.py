"""A CycleGAN recipe at work: its two kinds of pictures, its two generators, and the two files that come of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..generators.base import Generator
from .checkpoint import Checkpoint, save_checkpoint
from .cyclegan_recipe import CycleGanRecipe, DomainSection
from .images import find_images
from .progress import RunLog
from .run import STATE_NAME, Run, launched
from .start import new_generator
from .state import TrainingState
from .style_data import read_photos
from .unpaired import Crops, Unpaired

SHOWN = 4
"""Patches in TensorBoard's pictures."""


class Translators(nn.Module):
    """The two generators: `there` makes b of a, `back` makes a of b."""

    def __init__(self, there: Generator, back: Generator) -> None:
        super().__init__()
        self.there, self.back = there, back

    def directions(self) -> dict[str, Generator]:
        """The generators by the name of what they do, which is that of their files."""
        return {"a-to-b": self.there, "b-to-a": self.back}

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
        """All that a step is about: b made of a, a made of b, both made back, and both left as they are.

        `a` and `b` are `(N, 3, H, W)` in [0, 1], as are `(fake_b, fake_a, back_a, back_b, same_a, same_b)`. Running
        statistics are those of the pictures that a generator is for: the rest is run in evaluation mode.
        """
        training = self.training
        fake_b, fake_a = self.there(a), self.back(b)
        self.eval()
        back_b, same_b = self.there(torch.cat([fake_a, b])).chunk(2)
        back_a, same_a = self.back(torch.cat([fake_b, a])).chunk(2)
        self.train(training)
        return fake_b, fake_a, back_a, back_b, same_a, same_b


@dataclass(frozen=True, slots=True)
class CycleGanRun(Run):
    """A run whose batches are patches of both kinds, and which writes a file for each direction."""

    recipe: CycleGanRecipe
    patches: Unpaired

    def judge(self, step: int, log: RunLog, model: nn.Module) -> None:
        """Keep a few patches of both kinds, translated."""
        a, b = (side.to(self.fabric.device) for side in self.patches.batch(0))
        with torch.no_grad():
            fake_b, fake_a, *_ = model(a[:SHOWN], b[:SHOWN])
        log.pictures(step, a=a[:SHOWN], a_to_b=fake_b, b=b[:SHOWN], b_to_a=fake_a)

    def save(self, state: TrainingState, model: nn.Module) -> None:
        """Write the state to go on from, and both generators of `model`, which are `Translators`, as they are now."""
        name, config = self.recipe.generator.name, self.recipe.generator.config
        state.save(self.out / STATE_NAME, name, config)
        for direction, generator in cast("Translators", model).directions().items():
            facts = state.facts | {"direction": direction}
            save_checkpoint(self.file(direction), Checkpoint(generator.state_dict(), name, config, facts))

    def file(self, direction: str) -> Path:
        """Where the generator of a direction goes."""
        return self.out / f"{direction}.safetensors"


def prepare(recipe: CycleGanRecipe, a: Path, b: Path, out: Path) -> tuple[CycleGanRun, Translators]:
    """Read the pictures, and make the generators, on their device. There is one process.

    Raises:
        ConfigError: an impossible recipe, or a folder without pictures that are large enough.
    """
    fabric = launched(recipe, recipe.data.batch, devices=1)
    translators = new_translators(recipe).to(fabric.device)
    patches = Unpaired(_crops(a, recipe, "a"), _crops(b, recipe, "b"), recipe.data.batch, recipe.run.seed)
    out.mkdir(parents=True, exist_ok=True)
    return CycleGanRun(recipe, out, fabric, patches), translators


def new_translators(recipe: CycleGanRecipe) -> Translators:
    """The recipe's generators, from two random starts.

    Raises:
        ConfigError: as `new_generator` says; a generator of enlarged or gray pictures, or one that cannot be frozen
            when it is to be.
    """
    there = new_generator(recipe)
    back = new_generator(replace(recipe, run=replace(recipe.run, seed=recipe.run.seed ^ 1)))
    where = f"recipe {recipe.name!r}: generator {recipe.generator.name!r}"
    if there.scale != 1 or there.color != "rgb" or there.conditioning:
        raise ConfigError(f"{where} does not make an RGB picture of another one as large; take resnet_cyclegan")
    if recipe.optim.freeze_at < recipe.optim.steps and not hasattr(there, "freeze"):
        raise ConfigError(f"{where} has no statistics to freeze; leave out optim.freeze")
    return Translators(there, back)


def _crops(folder: Path, recipe: CycleGanRecipe, kind: str) -> Crops:
    domain: DomainSection = getattr(recipe, kind)
    images = read_photos(find_images(folder, domain.include, domain.exclude), domain.heights)
    return Crops(images, recipe.data.patch, kind)
