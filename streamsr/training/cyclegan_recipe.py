"""A CycleGAN recipe: a TOML file that says all a run of `train cyclegan` depends on. Defaults are the paper's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .recipe import GeneratorSection, OptimSection, RunSection
from .tables import check_ranges, override, read_table, section


@dataclass(frozen=True, slots=True)
class DomainSection:
    """The pictures of one kind, in a folder of their own."""

    include: tuple[str, ...] = ("**/*",)
    """Globs relative to the folder."""
    exclude: tuple[str, ...] = ()
    heights: tuple[int, ...] = (286,)
    """Each picture is used at these heights; a smaller one as it is."""

    def __post_init__(self) -> None:
        check_ranges(self, heights=bool(self.heights) and min(self.heights) >= 1)


@dataclass(frozen=True, slots=True)
class CropSection:
    """How pictures are cut; some are mirrored."""

    patch: int = 256
    """Side of a patch in pixels."""
    batch: int = 1
    """Patches of each kind in a step."""

    def __post_init__(self) -> None:
        check_ranges(self, patch=self.patch >= 1, batch=self.batch >= 1)


@dataclass(frozen=True, slots=True)
class JudgeSection:
    """The two discriminators, and what the generators hear from them."""

    discriminator: str = "patchgan"
    """Name in `DISCRIMINATORS`."""
    config: dict[str, Any] = field(default_factory=lambda: {"norm": "instance"})
    """Fields of its `Config`."""
    loss: str = "least_squares"
    """Name in `losses.ADVERSARIAL`."""
    weight: float = 2.0
    """Of what the generators hear; 2 of our least squares, which are halved, are 1 in the paper."""
    lr: float = 2e-4
    """At the beginning; it falls as that of the generators does."""
    pool: int = 50
    """Pictures of before that are kept for each of them (`image_pool.ImagePool`)."""

    def __post_init__(self) -> None:
        check_ranges(self, weight=self.weight >= 0, lr=self.lr > 0, pool=self.pool >= 0)


@dataclass(frozen=True, slots=True)
class ReturnSection:
    """What keeps pictures what they are: weights of mean absolute differences, of values in [-1, 1] as in the paper."""

    cycle: float = 10.0
    """Between a picture and what comes back when it is translated there and back."""
    identity: float = 5.0
    """Between a picture and what the generator that makes such pictures makes of it: palettes are kept."""

    def __post_init__(self) -> None:
        check_ranges(self, cycle=self.cycle >= 0, identity=self.identity >= 0)


@dataclass(frozen=True, slots=True)
class PaceSection(OptimSection):
    """How the generators learn: Adam, a constant rate, then one that falls linearly; averaged weights."""

    steps: int = 200_000
    lr: float = 2e-4
    lr_end: float = 0.0
    betas: tuple[float, ...] = (0.5, 0.999)
    warmup: float = 0.0
    clip: float = 10.0
    hold: float = 0.5
    """Share of the steps after which the rate begins to fall to `lr_end`."""
    freeze: float = 1.0
    """Share of the steps after which the generators normalize every picture by running statistics; 1 is never, as in
    the paper. Frozen, a generator does not flicker with what enters the picture, and its convolutions are all there is
    to it."""

    def __post_init__(self) -> None:
        OptimSection.__post_init__(self)
        check_ranges(self, hold=0 <= self.hold <= 1, freeze=0 < self.freeze <= 1)

    def factor_at(self, step: int) -> float:
        """The rate of a step, in units of `lr`."""
        warmup, hold = round(self.steps * self.warmup), round(self.steps * self.hold)
        rising = min(1.0, (step + 1) / max(1, warmup))
        left = (self.steps - step) / max(1, self.steps - hold)
        end = self.lr_end / self.lr
        return rising * (end + (1 - end) * min(1.0, left))

    @property
    def freeze_at(self) -> int:
        """The step before which normalization is frozen; one that is never made if it is not to be."""
        return round(self.steps * self.freeze)


@dataclass(frozen=True, slots=True)
class CycleGanRecipe:
    """A run, completely. Two runs of one recipe on the CPU of one machine give the same weights."""

    name: str
    generator: GeneratorSection = field(default_factory=lambda: GeneratorSection("resnet_cyclegan"))
    """Of both directions; each has its own weights."""
    judge: JudgeSection = field(default_factory=JudgeSection)
    a: DomainSection = field(default_factory=DomainSection)
    b: DomainSection = field(default_factory=DomainSection)
    data: CropSection = field(default_factory=CropSection)
    loss: ReturnSection = field(default_factory=ReturnSection)
    optim: PaceSection = field(default_factory=PaceSection)
    run: RunSection = field(default_factory=RunSection)


def load_cyclegan_recipe(path: Path, overrides: Iterable[str] = ()) -> CycleGanRecipe:
    """Read a recipe; each of `overrides` is a line `optim.steps=1000` that wins over the file.

    Raises:
        ConfigError: no such file, not TOML, an unknown key (the legal ones are listed), a value of the wrong type.
    """
    raw = read_table(path)
    for line in overrides:
        override(raw, line)
    return parse_cyclegan_recipe(raw, f"recipe {path}")


def parse_cyclegan_recipe(raw: dict[str, Any], where: str = "recipe") -> CycleGanRecipe:
    """Build a recipe from TOML's tables; `where` names the file in errors. Raises `ConfigError` as above."""
    defaults = {"generator": {"name": "resnet_cyclegan"}}
    named = {
        key: {**value, **raw[key]} if isinstance(raw.get(key), dict) else raw.get(key, value)
        for key, value in defaults.items()
    }
    return section(CycleGanRecipe, {**raw, **named}, where)
