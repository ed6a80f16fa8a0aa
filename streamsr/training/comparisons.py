"""Lessons with what the paintings are compared with: patches of the artworks, as they hang."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError
from ..generators.style import rows_of
from .run import Batches
from .style_recipe import StyleRecipe

REALS = 1 << 21
"""Sets the random numbers of the patches apart from those of the lessons."""


class Comparisons:
    """Batches of `Lessons`, and a patch of an artwork for each `(N, 3, p, p)`.

    Of a mix, one of its artworks is shown, as often as its share says; for what strength leaves to the photograph, the
    photograph itself.
    """

    def __init__(self, lessons: Batches, artworks: Sequence[Tensor], recipe: StyleRecipe) -> None:
        """Take the artworks as `(1, 3, H, W)` in [0, 1], in the order of the styles.

        Raises:
            ConfigError: an artwork is smaller than a patch.
        """
        for name, artwork in zip(recipe.art.files, artworks, strict=True):
            if min(artwork.shape[2:]) < recipe.data.patch:
                size = f"{artwork.shape[3]}x{artwork.shape[2]}"
                raise ConfigError(f"the artwork of {name!r} is {size}, smaller than data.patch; raise art.size")
        self._lessons, self._recipe = lessons, recipe
        self._artworks = [artwork.cpu() for artwork in artworks]

    def batch(self, step: int, rank: int = 0, world: int = 1) -> tuple[Tensor, ...]:
        """The lessons of one step, as `Lessons.batch` returns them, and the patches."""
        lesson = self._lessons.batch(step, rank, world)
        photos, styles, strength = lesson[:3]
        indices = range(rank, self._recipe.data.batch, world)
        shown = zip(photos, rows_of(styles, strength), indices, strict=True)
        return (*lesson, torch.stack([self._shown(*each, step) for each in shown]))

    def _shown(self, photo: Tensor, shares: Tensor, index: int, step: int) -> Tensor:
        rng = np.random.default_rng((self._recipe.run.seed, step, REALS + index))
        row = int(rng.choice(len(shares), p=shares.double().numpy() / float(shares.double().sum())))
        return self._patch(self._artworks[row - 1][0], rng) if row else photo

    def _patch(self, artwork: Tensor, rng: np.random.Generator) -> Tensor:
        side = self._recipe.data.patch
        top, left = (int(rng.integers(length - side + 1)) for length in artwork.shape[1:])
        patch = artwork[:, top : top + side, left : left + side]
        return patch.flip(2) if rng.random() < 0.5 else patch
