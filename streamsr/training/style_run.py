"""A style recipe at work: its photographs, its artworks, and what a network is told for its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from ..generators.style import Stylizer
from .backbones import Backbone, load_backbone
from .images import find_images
from .lessons import Lessons
from .painting import PaintingLoss
from .progress import RunLog
from .run import Run, launched
from .start import new_generator
from .style_data import read_artworks, read_photos
from .style_recipe import StyleRecipe


@dataclass(frozen=True, slots=True)
class StyleRun(Run):
    """A run whose batches are lessons."""

    recipe: StyleRecipe
    artworks: list[Tensor]
    """`(1, 3, H, W)` each, in the order of the styles."""
    painting: PaintingLoss

    def judge(self, step: int, log: RunLog, model: nn.Module) -> None:
        """Keep the first patches in every style."""
        photos = self.patches.batch(0)[0].to(self.fabric.device)
        with torch.no_grad():
            for name, weights in zip(self.recipe.art.files, torch.eye(len(self.artworks)), strict=True):
                log.pictures(step, **{name: model(photos, weights[None].to(photos))})
            log.pictures(step, photo=photos)


def prepare(recipe: StyleRecipe, data: Path, art: Path, out: Path, devices: int = 1) -> tuple[StyleRun, Stylizer]:
    """Launch the processes, read photographs, artworks and the backbone, and make the generator, on its device.

    Raises:
        ConfigError: an impossible recipe, no photographs, or an artwork that is not there.
        ModelError: the file of the backbone is none.
        UnknownNameError: a layer that it does not have.
    """
    fabric = launched(recipe, recipe.data.batch, devices)
    backbone = channels_last(load_backbone(Path(recipe.perceptual.file).expanduser()).to(fabric.device))
    artworks = [artwork.to(fabric.device) for artwork in read_artworks(art, recipe.art)]
    painting = PaintingLoss(backbone, recipe.loss, artworks)
    generator = cast("Stylizer", new_generator(recipe).to(fabric.device))
    photos = read_photos(find_images(data, recipe.data.include, recipe.data.exclude), recipe.data.heights)
    out.mkdir(parents=True, exist_ok=True)
    return StyleRun(recipe, out, fabric, Lessons(photos, recipe), artworks, painting), generator


def channels_last(backbone: Backbone) -> Backbone:
    """The backbone, its kernels laid out so that on a CPU pooling takes a twentieth of the time."""
    for weight in backbone.parameters():
        if weight.dim() == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return backbone
