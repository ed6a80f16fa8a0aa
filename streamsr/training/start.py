"""A new generator by its recipe, with what another one has learned where that fits."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigError
from ..generators import GENERATORS
from ..generators.base import Generator
from ..zoo.catalog import HOME
from .checkpoint import Checkpoint, load_checkpoint
from .recipe import RunRecipe
from .tables import section

logger = logging.getLogger(__name__)


def new_generator(recipe: RunRecipe) -> Generator:
    """The recipe's generator; its random start depends on the recipe's seed alone.

    Raises:
        ConfigError: a configuration that the architecture does not have, nothing to learn, or a start that does not
            exist.
        UnknownNameError: no such architecture.
        ModelError: the start is not a checkpoint.
    """
    torch.manual_seed(recipe.run.seed)
    chosen = recipe.generator
    where = f"recipe {recipe.name!r}: generator {chosen.name!r}"
    generator: Generator = built(GENERATORS.load(chosen.name), chosen.config, where)
    if generator.scale != chosen.scale:
        raise ConfigError(f"{where}: its scale is {generator.scale} unless you say so; write scale in generator.config")
    if not any(True for _ in generator.parameters()):
        raise ConfigError(f"{where} has nothing to learn")
    if chosen.start:
        take_over(generator, start_path(chosen.start))
    return generator


def built(kind: Any, config: dict[str, Any], where: str) -> Any:
    """A network of the class `kind` by its `Config`; `where` begins the message of an error.

    Raises:
        ConfigError: a configuration that the architecture does not have.
    """
    values = section(kind.Config, config, where)
    try:
        return kind(values)
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise ConfigError(f"{where}: {error}") from error


def start_path(start: str) -> Path:
    """The file that `start` names: a path, or the checkpoint of a bundled model. Raises `ConfigError` for neither."""
    bundled = HOME / "checkpoints" / f"{start}.safetensors"
    for path in (Path(start).expanduser(), bundled):
        if path.is_file():
            return path
    raise ConfigError(f"start {start!r} is neither a checkpoint file nor a bundled one (there is no {bundled.name})")


def take_over(generator: Generator, path: Path) -> None:
    """Load the tensors that have the same name and shape; say which were left as they are.

    Raises:
        ConfigError: not one fits.
    """
    saved, own = load_checkpoint(path), generator.state_dict()
    fitting = max((_fitting(tensors, own) for tensors in (saved.tensors, _collapsed(saved))), key=len)
    if not fitting:
        raise ConfigError(f"nothing in {path} fits the generator: it is another architecture or size")
    generator.load_state_dict(own | fitting)
    fresh = sorted(set(own) - set(fitting))
    if fresh:
        logger.warning("%s of %s tensors start fresh, %s has none that fit: %s", len(fresh), len(own), path, fresh)


def _fitting(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if name in own and own[name].shape == value.shape}


def _collapsed(saved: Checkpoint) -> Mapping[str, Tensor]:
    """The tensors without training's branches, for a generator that has none."""
    if "notes" in saved.facts:
        return {}
    tensors: Mapping[str, Tensor] = saved.build().collapsed().state_dict()
    return tensors
