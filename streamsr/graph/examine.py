"""What a third-party network is, found by looking: colour, scale, granularity, reach."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, shape_inference
from onnx.reference import ReferenceEvaluator

from ..errors import ModelError
from ..spec import HALO_MAX, SCALE_MAX, ModelSpec
from .model import check_image, dims, free_inputs
from .receptive import receptive_radius

_ODD = 23
_MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
_SIDE_MAX = 16384

_PIXELS_MAX = 128 * 128
_WORK_MAX = 4_000_000_000
"""Weights times pixels that the interpreter may work on to look at values: a second or so."""

_MEANS = (-0.5, 1.5)
"""What the mean of an answer to mid-gray lies within, for any network that works in [0, 1]."""

Size = tuple[int, int]


class _CannotRunError(Exception):
    """The interpreter cannot run the network."""


def examine(proto: onnx.ModelProto, name: str) -> ModelSpec:
    """Describe a network without metadata.

    Shapes are inferred for pictures of several sizes; where inference cannot tell, the network is run on small ones.

    Raises:
        ModelError: more than one input or output, not an image, a scale that cannot be found, or values that are far
            from [0, 1].
    """
    image = _only_image(proto, name)
    channels = dims(image)[1]
    if channels not in (1, 3):
        raise ModelError(
            f"model {name!r}: input {image.name!r} has {channels or 'an unknown number of'} channels; "
            "a picture here has 3 (RGB) or 1 (luma), so export it with that fixed"
        )
    scale, multiple = _granularity(proto, image, name)
    _check_values(proto, image, multiple, name)
    return ModelSpec(
        name,
        task="sr" if scale > 1 else "restore",
        scale=scale,
        color="luma" if channels == 1 else "rgb",
        halo=min(receptive_radius(proto), HALO_MAX),
        multiple_of=multiple,
        description="third-party model, examined",
    )


def _only_image(proto: onnx.ModelProto, name: str) -> onnx.ValueInfoProto:
    inputs, outputs = free_inputs(proto.graph), proto.graph.output
    for what, values in (("input", inputs), ("output", outputs)):
        if len(values) != 1:
            names = ", ".join(value.name for value in values) or "none"
            raise ModelError(f"model {name!r} has {len(values)} {what}s ({names}); a picture network here has one")
        check_image(values[0], f"model {name!r}", strict=what == "input")
    return inputs[0]


def _granularity(proto: onnx.ModelProto, image: onnx.ValueInfoProto, name: str) -> tuple[int, int]:
    """Scale, and what height and width must be multiples of."""
    tried: list[str] = []
    failure = ""
    for multiple, size in _sizes(image, name):
        try:
            output = _inferred(proto, image, size) or list(_run(proto, image, size).shape)
        except _CannotRunError as error:
            failure = failure or f"; {size[0]}x{size[1]} fails with: {error}"
            continue
        scale = _scale(size, output, dims(image)[1])
        if scale:
            return scale, multiple
        tried.append(f"; {size[0]}x{size[1]} gives {output}")
    raise ModelError(
        f"model {name!r}: no whole scale between input and output can be found (rows x columns{''.join(tried)}{failure}"
        "); it must return a picture of as many channels, the same or 2 to 16 times as large"
    )


def _check_values(proto: onnx.ModelProto, image: onnx.ValueInfoProto, multiple: int, name: str) -> None:
    """Refuse a network that answers a soft gray picture with something else than a picture of values in [0, 1].

    Nothing is checked where running it here would take long or is not possible.
    """
    side = -(-_ODD // multiple) * multiple
    height, width = (given or side for given in dims(image)[2:])
    weights = sum(math.prod(constant.dims) for constant in proto.graph.initializer)
    if height * width * max(weights, 1) > _WORK_MAX or height * width > _PIXELS_MAX:
        return
    try:
        values = _run(proto, image, (height, width)).astype(np.float64)
    except _CannotRunError:
        return
    if not np.isfinite(values).all():
        raise ModelError(f"model {name!r} returns values that are no numbers for a gray picture in [0, 1]")
    if not _MEANS[0] <= values.mean() <= _MEANS[1]:
        raise ModelError(
            f"model {name!r} returns values from {values.min():.4g} to {values.max():.4g}; a model here works in [0, 1]"
        )


def _sizes(image: onnx.ValueInfoProto, name: str) -> Iterator[tuple[int, Size]]:
    """Sizes to try, each with the granularity that a success proves; one only where the network has a fixed size."""
    height, width = dims(image)[2:]
    if max(height or 0, width or 0) > _SIDE_MAX:
        raise ModelError(f"model {name!r} only takes pictures of {width}x{height}, more than {_SIDE_MAX} a side")
    if height and width:
        yield 1, (height, width)
        return
    for multiple in _MULTIPLES:
        yield multiple, (height or _ODD * multiple, width or _ODD * multiple)


def _inferred(proto: onnx.ModelProto, image: onnx.ValueInfoProto, size: Size) -> list[int | None]:
    """The output's shape for an input of that size by shape inference; empty where it cannot tell."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    del copy.graph.value_info[:]
    copy.graph.output[0].type.tensor_type.ClearField("shape")
    given = next(value for value in copy.graph.input if value.name == image.name)
    channels = dims(image)[1]
    given.type.CopyFrom(onnx.helper.make_tensor_type_proto(image.type.tensor_type.elem_type, [1, channels, *size]))
    try:
        inferred = shape_inference.infer_shapes(copy, strict_mode=True, data_prop=True)
    except (shape_inference.InferenceError, RuntimeError, ValueError):
        return []
    shape = dims(inferred.graph.output[0])
    return shape if len(shape) == 4 and all(shape) else []


def _run(proto: onnx.ModelProto, image: onnx.ValueInfoProto, size: Size) -> npt.NDArray[Any]:
    """The network's answer to a soft gray picture of that size.

    Raises:
        _CannotRunError: the interpreter fails; the message is the first line of its own.
    """
    kind = np.float16 if image.type.tensor_type.elem_type == TensorProto.FLOAT16 else np.float32
    channels = dims(image)[1] or 1
    picture = np.broadcast_to(np.linspace(0.4, 0.6, size[1], dtype=kind), (1, channels, *size)).copy()
    try:
        with np.errstate(all="ignore"):
            return np.asarray(next(iter(ReferenceEvaluator(proto).run(None, {image.name: picture}))))
    except Exception as error:  # a foreign network may do anything to an interpreter
        raise _CannotRunError(next(iter(str(error).splitlines()), "") or type(error).__name__) from error


def _scale(size: Size, output: list[int | None], channels: int | None) -> int:
    """How many times as large the output is; 0 where it is not a picture of a whole scale."""
    if len(output) != 4 or output[:2] != [1, channels]:
        return 0
    factors = [divmod(out or 0, given) for out, given in zip(output[2:], size, strict=True)]
    scale = factors[0][0]
    whole = all(factor == (scale, 0) for factor in factors)
    return scale if whole and 1 <= scale <= SCALE_MAX else 0
