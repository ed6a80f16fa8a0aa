"""A style recipe: a TOML file that says everything a run of `train style` or `train style-gan` depends on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .balance import BalanceConfig
from .painting import PaintingConfig
from .recipe import AdversarialSection, GeneratorSection, OptimSection, RunSection
from .schedule import learning_rate
from .tables import check_ranges, override, read_table, section
from .warps import Movement


@dataclass(frozen=True, slots=True)
class PhotoSection:
    """Which photographs, and how they are cut."""

    include: tuple[str, ...] = ("**/*",)
    """Globs relative to the data folder."""
    exclude: tuple[str, ...] = ()
    heights: tuple[int, ...] = (360, 540, 720)
    """Each photograph is used at these heights, those of the videos to come; a smaller one as it is."""
    patch: int = 192
    """Side of a patch in pixels, a multiple of 8."""
    batch: int = 4
    """Patches a step, over all processes."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            heights=bool(self.heights) and min(self.heights) >= 16,
            patch=self.patch >= 16 and self.patch % 8 == 0,
            batch=self.batch >= 1,
        )


@dataclass(frozen=True, slots=True)
class ArtSection:
    """The styles, and how large their strokes are."""

    files: dict[str, str]
    """Name of a style -> its artwork, relative to the folder of artworks."""
    size: int = 448
    """Pixels of an artwork's shorter side: a smaller artwork has smaller strokes."""
    strokes: dict[str, float] = field(default_factory=dict)
    """Name of a style -> factor on `size`."""

    def __post_init__(self) -> None:
        known = set(self.files)
        check_ranges(
            self,
            files=bool(known),
            size=self.size >= 16,
            strokes=set(self.strokes) <= known and all(0 < factor <= 4 for factor in self.strokes.values()),
        )


@dataclass(frozen=True, slots=True)
class LessonSection:
    """What is practised: shares of the pictures, the rest being one style at full strength."""

    plain: float = 0.08
    """Of strength 0, which is to give the photograph back."""
    faint: float = 0.15
    """Of a random strength."""
    mixed: float = 0.15
    """Of two styles, once the ramp of the steadiness has begun."""
    fidelity: float = 20.0
    """Weight of the mean absolute difference from the photograph, for the share that strength leaves to it."""
    warmup: float = 0.2
    """Share of the steps over which the style's weight grows from 0: what cannot show a photograph yet, paints it over
    with texture and hardly comes back."""
    freeze: float = 0.7
    """Share of the steps after which the normalizations' statistics are frozen."""
    frozen_rate: float = 0.25
    """The learning rate from then on, as a share: no picture's own statistics make up for steps that are too long."""

    def __post_init__(self) -> None:
        shares = {name: 0 <= getattr(self, name) <= 1 for name in ("faint", "mixed", "warmup", "freeze")}
        rates = {"fidelity": self.fidelity >= 0, "frozen_rate": self.frozen_rate > 0}
        check_ranges(self, plain=0 < self.plain <= 1, **rates, **shares)


@dataclass(frozen=True, slots=True)
class SteadySection:
    """What the painting must not change with: the second picture of each pair is the first, disturbed."""

    weight: float = 0.0
    """Of `losses.style.unsteadiness`, the mean squared change without a reason; 0 makes no second pictures."""
    start: float = 0.3
    end: float = 0.5
    """Shares of the steps between which the weight grows from 0: earlier, the style would never come to life."""
    noise: float = 0.04
    """Largest standard deviation of the noise."""
    gain: float = 0.05
    """Largest change of brightness, as a share."""
    movement: Movement = field(default_factory=Movement)

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) >= 0 for name in ("weight", "noise", "gain")}
        check_ranges(self, start=0 <= self.start <= 1, end=self.start <= self.end <= 1, **sizes)

    def weight_at(self, progress: float) -> float:
        """The weight when `progress`, a share of the steps, is done."""
        if progress >= self.end:
            return self.weight
        return self.weight * max(0.0, progress - self.start) / (self.end - self.start)


@dataclass(frozen=True, slots=True)
class EyeSection:
    """The frozen network that sees style and content."""

    file: str
    """The backbone's weights, a `.npz` file."""


@dataclass(frozen=True, slots=True)
class StyleRecipe:
    """A run, completely. Two runs of one recipe on the CPU of one machine give the same weights."""

    name: str
    perceptual: EyeSection
    art: ArtSection
    generator: GeneratorSection = field(default_factory=lambda: GeneratorSection("style"))
    """Its `styles` are the names in `art`."""
    data: PhotoSection = field(default_factory=PhotoSection)
    loss: PaintingConfig = field(default_factory=PaintingConfig)
    lessons: LessonSection = field(default_factory=LessonSection)
    steady: SteadySection = field(default_factory=SteadySection)
    optim: OptimSection = field(default_factory=OptimSection)
    adversarial: AdversarialSection | None = None
    balance: BalanceConfig = field(default_factory=BalanceConfig)
    run: RunSection = field(default_factory=RunSection)

    @property
    def freeze_at(self) -> int:
        """The step before which the statistics are frozen."""
        return round(self.optim.steps * self.lessons.freeze)

    def rate(self, step: int) -> float:
        """The learning rate of that step."""
        return learning_rate(step, self.optim) * (self.lessons.frozen_rate if step >= self.freeze_at else 1.0)

    def style_share(self, step: int) -> float:
        """What the loss of style counts in that step: 1 after the warm-up."""
        return min(1.0, (step + 1) / max(1.0, self.optim.steps * self.lessons.warmup))


def load_style_recipe(path: Path, overrides: Iterable[str] = ()) -> StyleRecipe:
    """Read a recipe; each of `overrides` is a line `optim.steps=1000` that wins over the file.

    Raises:
        ConfigError: no such file, not TOML, an unknown key (the legal ones are listed), a value of the wrong type.
    """
    raw = read_table(path)
    for line in overrides:
        override(raw, line)
    return parse_style_recipe(raw, f"recipe {path}")


def parse_style_recipe(raw: dict[str, Any], where: str = "recipe") -> StyleRecipe:
    """Build a recipe from TOML's tables; `where` names the file in errors. Raises `ConfigError` as above."""
    generator = {"name": "style", **raw.get("generator", {})}
    config = generator.get("config", {})
    if isinstance(config, dict) and "styles" in config:
        raise ConfigError(f"{where}: the styles of generator.config are those of art.files; leave them out")
    files = section(StyleRecipe, {**raw, "generator": generator}, where).art.files
    return section(StyleRecipe, {**raw, "generator": {**generator, "config": {**config, "styles": list(files)}}}, where)
