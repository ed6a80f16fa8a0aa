"""What a third-party network is, found by looking: colour, scale, granularity, reach."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, shape_inference
from onnx.reference import ReferenceEvaluator

from streamsr.errors import ModelError
from streamsr.spec import HALO_MAX, SCALE_MAX, ModelSpec

from .model import check_image, dims, free_inputs
from .receptive import receptive_radius

_ODD = 23
_MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
_SIDE_MAX = 16384

Size = tuple[int, int]


def examine(proto: onnx.ModelProto, name: str) -> ModelSpec:
    """Describe a network without metadata.

    Shapes are inferred for pictures of several sizes; where inference cannot tell, the network is run on small ones.

    Raises:
        ModelError: more than one input or output, not an image, or a scale that cannot be found.
    """
    image = _only_image(proto, name)
    channels = dims(image)[1]
    if channels not in (1, 3):
        raise ModelError(
            f"model {name!r}: input {image.name!r} has {channels or 'an unknown number of'} channels; "
            "a picture here has 3 (RGB) or 1 (luma), so export it with that fixed"
        )
    scale, multiple = _granularity(proto, image, name)
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
    seen: list[tuple[Size, list[int | None]]] = []
    for multiple, size in _sizes(image, name):
        output = _inferred(proto, image, size) or _run(proto, image, size)
        scale = _scale(size, output, dims(image)[1])
        if scale:
            return scale, multiple
        seen.append((size, output))
    tried = "; ".join(f"{h}x{w} gives {output or 'an error'}" for (h, w), output in seen)
    raise ModelError(
        f"model {name!r}: no whole scale between input and output can be found (rows x columns {tried}); "
        "it must return a picture of as many channels, the same or 2 to 16 times as large"
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


def _run(proto: onnx.ModelProto, image: onnx.ValueInfoProto, size: Size) -> list[int | None]:
    """The output's shape for an input of that size by running the network; empty where that fails."""
    kind = np.float16 if image.type.tensor_type.elem_type == TensorProto.FLOAT16 else np.float32
    channels = dims(image)[1] or 1
    try:
        outputs = ReferenceEvaluator(proto).run(None, {image.name: np.zeros((1, channels, *size), kind)})
    except Exception:  # whatever a foreign network does to an interpreter, the next size is tried
        return []
    return list(np.shape(next(iter(outputs))))


def _scale(size: Size, output: list[int | None], channels: int | None) -> int:
    """How many times as large the output is; 0 where it is not a picture of a whole scale."""
    if len(output) != 4 or output[:2] != [1, channels]:
        return 0
    factors = [divmod(out or 0, given) for out, given in zip(output[2:], size, strict=True)]
    scale = factors[0][0]
    whole = all(factor == (scale, 0) for factor in factors)
    return scale if whole and 1 <= scale <= SCALE_MAX else 0
