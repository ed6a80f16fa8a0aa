"""Compact (SRVGGNetCompact) checkpoints: `body.0.weight`, `body.1.weight` (the slopes of a PReLU), and so on."""

from __future__ import annotations

import re
from collections.abc import Collection

from streamsr.errors import ModelError
from streamsr.generators.base import CHANNELS, Generator

from .reading import Tensors
from .shapes import color_of, dims, filled, numbers, shuffle_scale

_KEY = r"body\.(\d+)\.(?:weight|bias)$"
ACTIVATIONS = ("relu", "leakyrelu")
"""Those that leave no trace in a checkpoint."""


def matches(names: Collection[str]) -> bool:
    """Whether a checkpoint of these names is one."""
    return "body.0.weight" in names and all(re.match(_KEY, name) for name in names)


def read(tensors: Tensors, activation: str | None = None) -> Generator:
    """The generator; `activation` is needed for the few networks without PReLU.

    Raises:
        ModelError: the tensors do not fit together, or `activation` is missing.
    """
    width, channels, *_ = dims(tensors, "body.0.weight", 4)
    layers = max(numbers(tensors, _KEY))
    outputs, *_ = dims(tensors, f"body.{layers}.weight", 4)
    color = color_of(channels)
    if "body.1.weight" in tensors:
        activation = "prelu"
    elif activation not in ACTIVATIONS:
        raise ModelError(f"a Compact network without PReLU: say --activation {' or '.join(ACTIVATIONS)}")
    return filled(
        "srvgg",
        tensors,
        scale=shuffle_scale(outputs, CHANNELS[color]),
        width=width,
        depth=layers // 2 - 1,
        activation=activation,
        color=color,
    )
