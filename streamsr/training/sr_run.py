"""A super-resolution recipe at work: its pictures at both sizes, and those to judge by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from ..generators.base import Generator
from .data import Patches
from .evaluate import evaluate
from .images import find_images
from .pairs import Pair, load_pairs
from .progress import RunLog
from .recipe import Recipe
from .run import Run, launched
from .start import new_generator

SHOWN = 4
"""Patches in TensorBoard's pictures."""


@dataclass(frozen=True, slots=True)
class SrRun(Run):
    """A run whose batches are pictures at both sizes: low, high."""

    recipe: Recipe
    patches: Patches
    held_out: list[Pair]
    """Pictures that are never learned from; their mean PSNR-Y is logged."""

    def judge(self, step: int, log: RunLog, model: nn.Module) -> None:
        """Log the mean PSNR-Y of the pictures held out, and keep a few patches."""
        if self.held_out:
            log.write(step, psnr=evaluate(model, self.held_out, self.recipe.scale))
        low, high = (side[:SHOWN].to(self.fabric.device) for side in self.patches.batch(0))
        with torch.no_grad():
            log.pictures(step, input=low, output=model(low), truth=high)


def prepare(
    recipe: Recipe, data: Path, out: Path, validate: Path | None = None, devices: int = 1
) -> tuple[SrRun, Generator]:
    """Launch the processes, decode the data, and make the generator, on its device.

    Raises:
        ConfigError: an impossible recipe, or no images.
    """
    fabric = launched(recipe, recipe.data.batch, devices)
    out.mkdir(parents=True, exist_ok=True)
    generator = new_generator(recipe).to(fabric.device)
    images = find_images(data, recipe.data.include, recipe.data.exclude)
    held_out = find_images(validate, ["*"]) if validate else []
    with fabric.rank_zero_first():
        pairs = load_pairs(images, recipe, generator.color, out)
        tests = load_pairs(held_out, _as_they_are(recipe), generator.color, out) if held_out else []
    patches = Patches(pairs, recipe.scale, recipe.data, recipe.run.seed)
    return SrRun(recipe, out, fabric, patches, tests), generator


def _as_they_are(recipe: Recipe) -> Recipe:
    """The recipe for pictures to judge by: each once, at its own size."""
    return replace(recipe, data=replace(recipe.data, sizes=(1.0,), variants=1))
