"""A training recipe: a TOML file that says everything a run depends on, checked key by key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from .balance import BalanceConfig
from .degradations import DEGRADATIONS, Degradation
from .tables import check_ranges, override, read_table, section


@dataclass(frozen=True, slots=True)
class GeneratorSection:
    """Which architecture, its configuration, and what it starts from."""

    name: str = "ecb"
    config: dict[str, Any] = field(default_factory=dict)
    """Fields of the architecture's `Config`; `scale` is given here."""
    start: str = ""
    """A checkpoint to start from: a path, or the name of a bundled model. Tensors that do not fit, such as the last
    convolution of another scale, start fresh."""

    def __post_init__(self) -> None:
        scale = self.config.get("scale", 1)
        check_ranges(self, config=type(scale) is int and scale >= 1)

    @property
    def scale(self) -> int:
        """Output pixels per input pixel along each axis."""
        return int(self.config.get("scale", 1))


@dataclass(frozen=True, slots=True)
class DataSection:
    """Which images and videos, and how they are cut."""

    include: tuple[str, ...] = ("**/*",)
    """Globs relative to the data folder."""
    exclude: tuple[str, ...] = ()
    sizes: tuple[float, ...] = (1.0,)
    """Each image is also used at these sizes: shrunk images have finer detail than photographs as they come."""
    variants: int = 1
    """Low-resolution versions of each image and size; more than one makes sense when degradations are random."""
    frames: int = 1
    """Frames of the clip that the degradations see; one after the first is learned from. A codec needs several."""
    patch: int = 64
    """Side of a low-resolution patch in pixels."""
    batch: int = 16
    """Patches a step, over all processes."""
    candidates: int = 1
    """Patches drawn for each one kept (the one of the highest contrast): flat ones teach little."""
    area_power: float = 1.0
    """A picture is drawn as often as its area to this power: at 1 every pixel counts alike, at 0 every picture."""
    recolor: bool = False
    """Swap the channels of every patch at random and invert some: few pictures look like more."""

    def __post_init__(self) -> None:
        counts = {name: getattr(self, name) >= 1 for name in ("variants", "frames", "patch", "batch", "candidates")}
        check_ranges(
            self, sizes=bool(self.sizes) and min(self.sizes) > 0, area_power=0 <= self.area_power <= 1, **counts
        )


@dataclass(frozen=True, slots=True)
class OptimSection:
    """Adam or Muon with warm-up and cosine, averaged weights."""

    method: Literal["adam", "muon"] = "adam"
    """Muon (`muon.Muon`) takes about half the steps."""
    steps: int = 100_000
    lr: float = 1e-3
    lr_end: float = 1e-6
    betas: tuple[float, ...] = (0.9, 0.99)
    warmup: float = 0.01
    """Share of the steps over which the rate climbs to `lr`."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.999
    """Decay of the averaged weights, the ones that are evaluated and shipped."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            steps=self.steps >= 1,
            lr=self.lr > 0,
            lr_end=self.lr_end >= 0,
            betas=len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas),
            warmup=0 <= self.warmup <= 1,
            clip=self.clip > 0,
            ema=0 <= self.ema < 1,
        )


@dataclass(frozen=True, slots=True)
class LossSection:
    """What is minimised: sums of `losses.LOSSES`, name -> weight."""

    main: dict[str, float] = field(default_factory=lambda: {"l1": 1.0})
    finish: dict[str, float] = field(default_factory=lambda: {"mse": 1.0})
    finish_share: float = 0.2
    """Share of the steps, at the end, that minimise `finish` instead."""

    def __post_init__(self) -> None:
        check_ranges(self, main=bool(self.main), finish=bool(self.finish), finish_share=0 <= self.finish_share <= 1)


@dataclass(frozen=True, slots=True)
class PerceptualSection:
    """The perceptual loss: squared differences of features (`perceptual.PerceptualLoss`)."""

    file: str
    """The backbone's weights, a `.npz` file."""
    layers: dict[str, float] = field(default_factory=lambda: {"conv3_4": 1.0})
    """Layer -> weight."""

    def __post_init__(self) -> None:
        check_ranges(self, layers=bool(self.layers))


@dataclass(frozen=True, slots=True)
class AdversarialSection:
    """The discriminator, and what the generator hears from it."""

    discriminator: str = "unet"
    """Name in `DISCRIMINATORS`."""
    config: dict[str, Any] = field(default_factory=dict)
    """Fields of the discriminator's `Config`."""
    loss: str = "nonsaturating"
    """Name in `losses.ADVERSARIAL`."""
    weight: float = 0.01
    """Of the adversarial loss beside `[loss]`."""
    lr: float = 1e-4
    """Of the discriminator."""
    feature_matching: float = 0.0
    """Weight of the L1 distance between its features of the picture and of the truth."""
    r1: float = 0.0
    """Gradient penalty on real pictures from the start; the watch may switch it on later."""
    r1_every: int = 16
    """Steps between two penalties, each counted that many times."""
    stability: float = 0.0
    """Weight of the difference between the results for a picture and for the same picture with noise: what boils."""
    noise: float = 2 / 255
    """Standard deviation of that noise."""

    def __post_init__(self) -> None:
        weights = {
            name: getattr(self, name) >= 0 for name in ("weight", "feature_matching", "r1", "stability", "noise")
        }
        check_ranges(self, lr=self.lr > 0, r1_every=self.r1_every >= 1, **weights)


@dataclass(frozen=True, slots=True)
class RunSection:
    """How the run is carried out."""

    seed: int = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    """What convolutions compute in; the picture, the residual's sum and the weights are float32 either way."""
    threads: int = 0
    """CPU threads; 0 leaves torch's choice."""
    log_every: int = 100
    evaluate_every: int = 2000
    checkpoint_every: int = 2000

    def __post_init__(self) -> None:
        every = {name: getattr(self, name) >= 1 for name in ("log_every", "evaluate_every", "checkpoint_every")}
        check_ranges(self, seed=0 <= self.seed < 1 << 32, threads=self.threads >= 0, **every)


class RunRecipe(Protocol):
    """What every recipe says, whichever loop it is for: a frozen dataclass of plain values."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def name(self) -> str:
        """What errors call it."""

    @property
    def generator(self) -> GeneratorSection:
        """The network that is saved."""

    @property
    def optim(self) -> OptimSection:
        """How it learns."""

    @property
    def run(self) -> RunSection:
        """How the run is carried out."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A run, completely. Two runs of one recipe on the CPU of one machine give the same weights."""

    name: str
    generator: GeneratorSection = field(default_factory=GeneratorSection)
    data: DataSection = field(default_factory=DataSection)
    degrade: tuple[dict[str, Any], ...] = ({"kind": "bicubic"},)
    """How low-resolution images are made, in order: tables of `kind`, a name in `DEGRADATIONS`, and its fields."""
    optim: OptimSection = field(default_factory=OptimSection)
    loss: LossSection = field(default_factory=LossSection)
    perceptual: PerceptualSection | None = None
    adversarial: AdversarialSection | None = None
    balance: BalanceConfig = field(default_factory=BalanceConfig)
    run: RunSection = field(default_factory=RunSection)

    @property
    def scale(self) -> int:
        """Output pixels per input pixel along each axis."""
        return self.generator.scale

    @property
    def degradations(self) -> list[Degradation]:
        """The pieces of `degrade`, ready to run."""
        return [_degradation(self, index) for index in range(len(self.degrade))]


def load_recipe(path: Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe; each of `overrides` is a line `optim.steps=1000` that wins over the file.

    Raises:
        ConfigError: no such file, not TOML, an unknown key (the legal ones are listed), a value of the wrong type.
    """
    raw = read_table(path)
    for line in overrides:
        override(raw, line)
    return parse_recipe(raw, f"recipe {path}")


def parse_recipe(raw: dict[str, Any], where: str = "recipe") -> Recipe:
    """Build a recipe from TOML's tables; `where` names the file in errors. Raises `ConfigError` as above."""
    recipe = section(Recipe, raw, where)
    for index in range(len(recipe.degrade)):
        _degradation(recipe, index, f"{where}: degrade[{index}]")
    return recipe


def _degradation(recipe: Recipe, index: int, where: str = "degrade") -> Degradation:
    table = dict(recipe.degrade[index])
    kind = DEGRADATIONS.load(str(table.pop("kind", None)))
    if "scale" in {each.name for each in fields(kind)}:
        table.setdefault("scale", recipe.scale)
    piece: Degradation = section(kind, table, where)
    return piece
