"""SPAN checkpoints: the official names, which are ours, beside collapsed kernels, which are not needed."""

from __future__ import annotations

from collections.abc import Collection

from streamsr.errors import ModelError
from streamsr.generators.base import Generator

from .reading import Tensors
from .shapes import dims, filled, numbers, shuffle_scale

_SIGNS = ("conv_1.sk.weight", "block_1.c1_r.sk.weight", "conv_cat.weight", "conv_2.sk.weight", "upsampler.0.weight")
_NO_NORM = "no_norm"
"""A tensor by which the community's trainers say that the picture is not centred first."""


def matches(names: Collection[str]) -> bool:
    """Whether a checkpoint of these names is one."""
    return all(sign in names for sign in _SIGNS)


def read(tensors: Tensors) -> Generator:
    """The generator. The official range of 255 is taken where the picture is centred: checkpoints do not say.

    Raises:
        ModelError: the tensors do not fit together.
    """
    width, channels, *_ = dims(tensors, "conv_1.sk.weight", 4)
    inner, *_ = dims(tensors, "conv_1.conv.0.weight", 4)
    outputs, *_ = dims(tensors, "upsampler.0.weight", 4)
    if channels != 3:
        raise ModelError(f"a SPAN network for pictures of {channels} channels; only those for RGB can be read")
    return filled(
        "span",
        {name: tensor for name, tensor in tensors.items() if ".eval_conv." not in name and name != _NO_NORM},
        scale=shuffle_scale(outputs, channels),
        width=width,
        depth=max(numbers(tensors, r"block_(\d+)\.")),
        gain=max(1, inner // channels),
        norm=_NO_NORM not in tensors,
    )
