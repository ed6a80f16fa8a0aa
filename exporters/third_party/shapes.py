"""Hyper-parameters from the names and shapes of tensors, and a generator of them filled with the tensors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import isqrt
from typing import Any

import torch

from streamsr.errors import ModelError
from streamsr.generators import GENERATORS
from streamsr.generators.base import ColorSpace, Generator
from streamsr.spec import SCALE_MAX

from .reading import Tensors

LAYERS_MAX = 1000
"""Highest number of a layer or block: a name costs a file nothing."""


def dims(tensors: Tensors, name: str, count: int) -> tuple[int, ...]:
    """The shape of a tensor that must be there, `count` long.

    Raises:
        ModelError: it is not there, or of another number of dimensions, or empty.
    """
    if name not in tensors:
        raise ModelError(f"tensor {name!r} is missing")
    shape = tuple(tensors[name].shape)
    if len(shape) != count or 0 in shape:
        raise ModelError(f"tensor {name!r} has the shape {shape}, not {count} numbers from 1")
    return shape


def numbers(names: Iterable[str], pattern: str) -> set[int]:
    """The numbers that the only group of `pattern` matches at the start of the names.

    Raises:
        ModelError: one is beyond `LAYERS_MAX`.
    """
    found = {int(match[1]) for name in names if (match := re.match(pattern, name))}
    if found and max(found) > LAYERS_MAX:
        raise ModelError(f"a layer has the number {max(found)}, more than {LAYERS_MAX}")
    return found


def color_of(channels: int) -> ColorSpace:
    """What pictures of so many channels are.

    Raises:
        ModelError: neither 1 nor 3.
    """
    if channels not in (1, 3):
        raise ModelError(f"the network takes or makes pictures of {channels} channels, not 1 or 3")
    return "rgb" if channels == 3 else "luma"


def shuffle_scale(outputs: int, channels: int) -> int:
    """The factor of the pixel shuffle that makes `channels` of `outputs`.

    Raises:
        ModelError: there is none up to `SCALE_MAX`.
    """
    scale = isqrt(outputs // channels)
    if scale * scale * channels != outputs or not 1 <= scale <= SCALE_MAX:
        raise ModelError(f"{outputs} channels do not shuffle to a picture of {channels}")
    return scale


def filled(name: str, tensors: Tensors, **config: Any) -> Generator:
    """The generator `name` of `GENERATORS`, with the tensors as its weights, in evaluation mode.

    Raises:
        ModelError: the tensors are not the ones a network of that configuration has.
    """
    kind = GENERATORS.load(name)
    try:
        with torch.device("meta"):  # memory is only what the file holds, whatever its numbers promise
            generator: Generator = kind(kind.Config(**config))
        generator.load_state_dict(tensors, assign=True)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"it looks like {name} {config}, but its tensors differ: {reason[:300]}") from error
    return generator.eval()
