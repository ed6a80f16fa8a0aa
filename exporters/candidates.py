"""What can be evaluated, by name: a model of the zoo, an ONNX file, a checkpoint, or an interpolation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from streamsr.errors import ConfigError, MissingDependencyError, UnknownNameError
from streamsr.generators import GENERATORS
from streamsr.graph.model import load_model
from streamsr.zoo.catalog import names, resolve

from .evaluate import Upscale, bicubic_upscale, generator_upscale, model_upscale
from .onnx import read_checkpoint

if TYPE_CHECKING:
    from streamsr.generators.base import Generator

METHODS = ("nearest", "bilinear", "bicubic", "lanczos", "gaussian")
"""Methods of `generators.interpolation`, known here without loading torch."""
BICUBIC = "bicubic"
CHECKPOINT_SUFFIX = ".safetensors"


def candidates(wanted: Sequence[str], scale: int | None) -> tuple[dict[str, Upscale], int]:
    """What the names mean, bicubic before all, and the scale they share.

    Args:
        wanted: names of the zoo; paths of `.onnx` or `.safetensors` files; `METHODS`.
        scale: needed where nothing but methods is asked for: they work at any.

    Raises:
        UnknownNameError: no such model, file or method.
        ConfigError: the scales differ, or there is none.
        ModelError: a file that is no model or checkpoint.
    """
    found: dict[str, Upscale] = {}
    for name in (name for name in wanted if name not in METHODS):
        found[name], own = _of_file(name)
        if scale not in (None, own):
            raise ConfigError(f"{name} upscales {own} times, not {scale}; compare models of one scale")
        scale = own
    if scale is None:
        raise ConfigError(f"{', '.join(wanted)} can have any scale; say which with --scale")
    found |= {name: generator_upscale(method(name, scale)) for name in wanted if name in METHODS and name != BICUBIC}
    found[BICUBIC] = bicubic_upscale(scale)
    return {name: found[name] for name in dict.fromkeys([BICUBIC, *wanted])}, scale


def method(name: str, scale: int, color: str = "luma") -> Generator:
    """An interpolation as a generator.

    Raises:
        ConfigError: `color` is neither luma nor rgb.
        UnknownNameError: no such method.
        MissingDependencyError: torch is not installed.
    """
    if name not in METHODS:
        raise UnknownNameError("generator without weights", name, METHODS)
    if color not in ("luma", "rgb"):
        raise ConfigError(f"{color!r} is not a colour of pictures; write luma or rgb")
    try:
        kind = GENERATORS.load("interpolation")
    except ImportError as error:
        raise MissingDependencyError(error.name or "torch", "train", f"the generator {name!r}") from error
    generator: Generator = kind(kind.Config(scale, name, color)).eval()
    return generator


def _of_file(name: str) -> tuple[Upscale, int]:
    if Path(name).suffix == CHECKPOINT_SUFFIX:
        generator, _ = read_checkpoint(Path(name))
        return generator_upscale(generator), generator.scale
    try:
        model = load_model(resolve(name).path)
    except UnknownNameError:
        raise UnknownNameError("model, checkpoint or method", name, [*names(), *METHODS]) from None
    if model.spec.conditioning:
        raise ConfigError(f"{name} paints, and no picture is the true one; measure it by `streamsr eval temporal`")
    return model_upscale(model), model.spec.scale
