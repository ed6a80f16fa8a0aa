"""ESRGAN checkpoints in the three ways their tensors have been called, brought to the last of them.

    old       model.0           model.1.sub.N.RDB1.conv1.0     model.1.sub.COUNT   model.3 …   model.8   model.10
    new       conv_first        RRDB_trunk.N.RDB1.conv1        trunk_conv          upconv1 …   HRconv    conv_last
    Real-     conv_first        body.N.rdb1.conv1              conv_body           conv_up1 …  conv_hr   conv_last

The old names are places in a sequence of layers, so they also tell how many times the picture is doubled.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from math import isqrt

from streamsr.errors import ModelError
from streamsr.generators.base import CHANNELS, Generator

from .reading import Tensors
from .shapes import color_of, dims, filled, numbers

_SIGNS = ("model.1.sub.0.RDB1.conv1.0.weight", "RRDB_trunk.0.RDB1.conv1.weight", "body.0.rdb1.conv1.weight")
_OLD_BLOCK = r"model\.1\.sub\.(\d+)\.RDB"
_OLD_LAYER = r"model\.(\d+)\."
_NEW = (
    (r"RRDB_trunk\.(\d+)\.RDB(\d)\.", r"body.\1.rdb\2."),
    (r"trunk_conv\.", "conv_body."),
    (r"upconv(\d+)\.", r"conv_up\1."),
    (r"HRconv\.", "conv_hr."),
)


def matches(names: Collection[str]) -> bool:
    """Whether a checkpoint of these names is one."""
    return any(sign in names for sign in _SIGNS)


def read(tensors: Tensors) -> Generator:
    """The generator: of any power of two as its factor, with or without folding of pixels before.

    Raises:
        ModelError: the tensors do not fit together.
    """
    rules = _old_rules(tensors) if _SIGNS[0] in tensors else _NEW
    tensors = {_renamed(name, rules): tensor for name, tensor in tensors.items()}
    width, inputs, *_ = dims(tensors, "conv_first.weight", 4)
    outputs, *_ = dims(tensors, "conv_last.weight", 4)
    growth, *_ = dims(tensors, "body.0.rdb1.conv1.weight", 4)
    color = color_of(outputs)
    unshuffle = isqrt(inputs // CHANNELS[color])
    factor = 1 << len(numbers(tensors, r"conv_up(\d+)\."))
    if inputs != CHANNELS[color] * unshuffle**2 or factor % unshuffle:
        raise ModelError(
            f"an ESRGAN network from {inputs} channels to {outputs}, enlarging by {factor}: not one we know"
        )
    return filled(
        "rrdb",
        tensors,
        scale=factor // unshuffle,
        width=width,
        depth=max(numbers(tensors, r"body\.(\d+)\.")) + 1,
        growth=growth,
        unshuffle=unshuffle,
        color=color,
    )


def _renamed(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        if re.match(pattern, name):
            return re.sub(pattern, replacement, name, count=1)
    return name


def _old_rules(tensors: Tensors) -> tuple[tuple[str, str], ...]:
    """What the old names are called now: it depends on the numbers of blocks and layers."""
    blocks = max(numbers(tensors, _OLD_BLOCK)) + 1
    last = max(numbers(tensors, _OLD_LAYER))
    layers = {0: "conv_first", last: "conv_last", last - 2: "conv_hr"}
    layers |= {3 * step: f"conv_up{step}" for step in range(1, (last - 2) // 3 + 1)}
    return (
        (r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.", r"body.\1.rdb\2.conv\3."),
        (rf"model\.1\.sub\.{blocks}\.", "conv_body."),
        *((rf"model\.{number}\.", f"{name}.") for number, name in layers.items()),
    )
