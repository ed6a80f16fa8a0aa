"""What a stylizer is set to do in each step: patches of photographs, styles, and disturbances to hold still against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import ConfigError
from .images import Image
from .style_recipe import SteadySection, StyleRecipe
from .warps import Field, nudge, rest

Floats = npt.NDArray[np.float32]

ROUNDS = 1 << 20
"""Sets the random numbers of the order of styles apart from those of the steps."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One picture of a batch."""

    photo: Image
    """`(p, p, 3)`."""
    styles: Floats
    """Shares of the styles, `(S,)`."""
    strength: float
    field: Field
    """Where the pixels of the disturbed picture come from."""
    gain: float
    """Its brightness, as a factor."""
    noise: Floats
    """What is added to it, `(3, p, p)`."""


class Lessons:
    """Batches of lessons. Each depends on the seed and the step alone; big photographs are drawn from more often."""

    def __init__(self, photos: Sequence[Image], recipe: StyleRecipe) -> None:
        self._side = recipe.data.patch
        self._photos = [photo for photo in photos if min(photo.shape[:2]) >= self._side]
        if not self._photos:
            raise ConfigError(f"no photograph has {self._side} pixels on its shorter side at the heights of the recipe")
        areas = np.array([photo.size for photo in self._photos], np.float64)
        self._share, self._recipe = areas / areas.sum(), recipe

    def batch(self, step: int, rank: int = 0, world: int = 1) -> tuple[Tensor, ...]:
        """One step: photos `(N, 3, p, p)`, styles `(N, S)`, strengths `(N, 1)`, fields `(N, p, p, 2)`, gains
        `(N, 1, 1, 1)` and noise `(N, 3, p, p)`, all float32.

        Of `world` processes each gets its own part of the same batch.
        """
        lessons = [self._lesson(step, index) for index in range(rank, self._recipe.data.batch, world)]
        photos = np.stack([each.photo for each in lessons])
        return (
            torch.from_numpy(photos).permute(0, 3, 1, 2).float() / 255,
            torch.from_numpy(np.stack([each.styles for each in lessons])),
            torch.tensor([[each.strength] for each in lessons]),
            torch.from_numpy(np.stack([each.field for each in lessons])),
            torch.tensor([each.gain for each in lessons]).view(-1, 1, 1, 1),
            torch.from_numpy(np.stack([each.noise for each in lessons])),
        )

    def _lesson(self, step: int, index: int) -> Lesson:
        recipe, side = self._recipe, self._side
        rng = np.random.default_rng((recipe.run.seed, step, index))
        photo = self._patch(rng)
        styles, strength = self._task(step, index, rng)
        steady = recipe.steady
        noise = rng.uniform(0, steady.noise) * rng.standard_normal((3, side, side), np.float32)
        gain = 1 + rng.uniform(-steady.gain, steady.gain)
        return Lesson(photo, styles, strength, _field(steady, side, rng), gain, np.asarray(noise, np.float32))

    def _patch(self, rng: np.random.Generator) -> Image:
        photo = self._photos[rng.choice(len(self._photos), p=self._share)]
        top, left = (rng.integers(length - self._side + 1) for length in photo.shape[:2])
        patch = photo[top : top + self._side, left : left + self._side]
        return patch[:, ::-1] if rng.random() < 0.5 else patch

    def _task(self, step: int, index: int, rng: np.random.Generator) -> tuple[Floats, float]:
        """Shares of the styles, and a strength."""
        lessons, steady, names = self._recipe.lessons, self._recipe.steady, self._recipe.art.files
        styles = np.eye(len(names), dtype=np.float32)[self._style(step, index)]
        kind, other, share = rng.random(), rng.integers(len(names)), rng.random(dtype=np.float32)
        if kind < lessons.plain:
            return styles, 0.0
        if kind < lessons.plain + lessons.faint:
            return styles, float(share)
        late = step >= steady.start * self._recipe.optim.steps
        if late and kind < lessons.plain + lessons.faint + lessons.mixed:
            styles = share * styles + (1 - share) * np.eye(len(names), dtype=np.float32)[other]
        return styles, 1.0

    def _style(self, step: int, index: int) -> int:
        """Every style comes round before one comes again, in a new order each time."""
        count = len(self._recipe.art.files)
        number, place = divmod(step * self._recipe.data.batch + index, count)
        return int(np.random.default_rng((self._recipe.run.seed, ROUNDS + number)).permutation(count)[place])


def _field(steady: SteadySection, side: int, rng: np.random.Generator) -> Field:
    """One time in three nothing moves, all moves by less than a pixel, or everything does."""
    kind = rng.integers(3)
    if kind == 0:
        return rest(side)
    return nudge(side, rng) if kind == 1 else steady.movement.draw(side, rng)
