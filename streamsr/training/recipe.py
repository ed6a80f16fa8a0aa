"""A training recipe: a TOML file that says everything a run depends on, checked key by key."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from ..errors import ConfigError

Section = TypeVar("Section")


@dataclass(frozen=True, slots=True)
class GeneratorSection:
    """Which architecture, and its configuration."""

    name: str = "ecb"
    config: dict[str, Any] = field(default_factory=dict)
    """Fields of the architecture's `Config`; `scale` is given here."""


@dataclass(frozen=True, slots=True)
class DataSection:
    """Which images, and how they are cut."""

    include: tuple[str, ...] = ("**/*",)
    """Globs relative to the data folder."""
    exclude: tuple[str, ...] = ()
    patch: int = 64
    """Side of a low-resolution patch in pixels."""
    batch: int = 16
    candidates: int = 1
    """Patches drawn for each one kept (the one of the highest contrast): flat ones teach little."""


@dataclass(frozen=True, slots=True)
class OptimSection:
    """Adam with warm-up and cosine, averaged weights."""

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


@dataclass(frozen=True, slots=True)
class LossSection:
    """What is minimised: names of `losses.LOSSES`."""

    main: str = "l1"
    finish: str = "mse"
    finish_share: float = 0.2
    """Share of the steps, at the end, that minimise `finish` instead."""


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


@dataclass(frozen=True, slots=True)
class Recipe:
    """A run, completely. Two runs of one recipe on one machine give the same weights."""

    name: str
    generator: GeneratorSection = field(default_factory=GeneratorSection)
    data: DataSection = field(default_factory=DataSection)
    optim: OptimSection = field(default_factory=OptimSection)
    loss: LossSection = field(default_factory=LossSection)
    run: RunSection = field(default_factory=RunSection)

    @property
    def scale(self) -> int:
        """Output pixels per input pixel along each axis."""
        return int(self.generator.config.get("scale", 1))


def load_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        ConfigError: no such file, not TOML, an unknown key (the legal ones are listed), a value of the wrong type.
    """
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"recipe {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"recipe {path} is not TOML: {error}") from error
    return parse_recipe(raw, f"recipe {path}")


def parse_recipe(raw: dict[str, Any], where: str = "recipe") -> Recipe:
    """Build a recipe from TOML's tables; `where` names the file in errors. Raises `ConfigError` as above."""
    return _section(Recipe, raw, where)


def _section(kind: type[Section], raw: Any, where: str) -> Section:
    if not isinstance(raw, dict):
        raise ConfigError(f"{where} is {raw!r}, expected a table")
    known = get_type_hints(kind)
    unknown = sorted(set(raw) - set(known))
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; legal keys: {', '.join(known)}")
    try:
        return kind(**{key: _value(value, known[key], f"{where}: {key}") for key, value in raw.items()})
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error


def _value(value: Any, hint: Any, where: str) -> Any:
    """`value` as the type `hint` has it; lists become tuples, tables become sections."""
    arguments = get_args(hint)
    if is_dataclass(hint):
        return _section(cast("type[Any]", hint), value, where)
    if get_origin(hint) is Literal:
        if value not in arguments:
            raise ConfigError(f"{where} is {value!r}, expected one of {', '.join(arguments)}")
        return value
    if get_origin(hint) is tuple:
        return tuple(_value(item, arguments[0], where) for item in _of_type(value, (list,), where))
    kinds = {float: (int, float)}.get(hint, (get_origin(hint) or hint,))
    return _of_type(value, kinds, where)


def _of_type(value: Any, kinds: tuple[type, ...], where: str) -> Any:
    if type(value) not in kinds:
        raise ConfigError(f"{where} is {value!r}, expected {kinds[-1].__name__}")
    return value
