"""Reading a model: an ONNX file of ours, or anybody's image-to-image network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no types
from onnx import TensorProto

from ..errors import ModelError
from ..spec import METADATA_KEY, ModelSpec

MODEL_BYTES_MAX = 2 << 30
"""Protocol buffers end at 2 GiB."""

RESET = "reset"
"""Input of a recurrent model, a float scalar: 1 on the first frame after a cut, else 0."""

STYLE_WEIGHTS = "style_weights"
"""Input of a conditional model, float32 `(1, names)`: how much of each of its names, summing to 1."""

STRENGTH = "strength"
"""Input of a conditional model, float32 `(1, 1)`: from 0, the picture as it is, to 1."""

CONTROLS = (STYLE_WEIGHTS, STRENGTH)

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)


@dataclass(frozen=True)
class Model:
    """An ONNX network and what it says about itself."""

    spec: ModelSpec
    proto: onnx.ModelProto


def load_model(path: str | Path) -> Model:
    """Read a model file.

    One of ours carries a `ModelSpec`. Any other must have one float input `(1, 3 or 1, H, W)` in [0, 1] and one such
    output; scale, colour and granularity are found by examining it.

    Raises:
        ModelError: not an ONNX file, not an image-to-image network, or unclear; the message says what to do.
    """
    path = Path(path)
    proto = _read(path)
    text = {prop.key: prop.value for prop in proto.metadata_props}.get(METADATA_KEY)
    if text is None:
        from .examine import examine

        return Model(examine(proto, path.stem), proto)
    spec = ModelSpec.from_json(text)
    image_input(proto.graph, spec), image_output(proto.graph, spec)
    return Model(spec, proto)


def opset_of(proto: onnx.ModelProto) -> int:
    """Version of the standard operator set the model uses."""
    return max((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), default=1)


def free_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Inputs that are not constants (old files list those too)."""
    constants = {constant.name for constant in graph.initializer}
    return [value for value in graph.input if value.name not in constants]


def dims(value: onnx.ValueInfoProto) -> list[int | None]:
    """The shape of a value, None where it is not fixed."""
    return [dim.dim_value if dim.dim_value > 0 else None for dim in value.type.tensor_type.shape.dim]


def image_input(graph: onnx.GraphProto, spec: ModelSpec) -> onnx.ValueInfoProto:
    """The input that takes the picture: the one that is neither state, control nor constant.

    Raises:
        ModelError: there is not exactly one, or it is not a float image of the model's colour.
    """
    others = {name for name, _ in spec.state} | {RESET} | set(CONTROLS if spec.conditioning else ())
    images = [value for value in free_inputs(graph) if value.name not in others]
    if len(images) != 1:
        names = ", ".join(value.name for value in images) or "none"
        raise ModelError(f"model {spec.name!r} must have one image input, it has {len(images)} ({names})")
    check_image(images[0], f"model {spec.name!r}")
    channels = dims(images[0])[1]
    wanted = 1 if spec.color == "luma" else 3
    if channels not in (None, wanted):
        raise ModelError(f"model {spec.name!r} says {spec.color}, but its input has {channels} channels")
    return images[0]


def image_output(graph: onnx.GraphProto, spec: ModelSpec) -> onnx.ValueInfoProto:
    """The output that is the picture: the one that is not state.

    Raises:
        ModelError: there is not exactly one.
    """
    state = {name for _, name in spec.state}
    images: list[onnx.ValueInfoProto] = [value for value in graph.output if value.name not in state]
    if len(images) != 1:
        names = ", ".join(value.name for value in images) or "none"
        raise ModelError(f"model {spec.name!r} must have one image output, it has {len(images)} ({names})")
    return images[0]


def check_image(value: onnx.ValueInfoProto, what: str, strict: bool = True) -> None:
    """Make sure that a value is a float image `(1, C, H, W)`; unless `strict`, its shape may be unknown.

    Raises:
        ModelError: it is not; says what it is.
    """
    kind = value.type.tensor_type.elem_type
    if kind not in _FLOATS:
        name = TensorProto.DataType.Name(kind).lower()
        raise ModelError(f"{what}: {value.name!r} is {name}, but an image here is float in [0, 1]")
    shape = dims(value)
    known = strict or bool(shape)
    if known and (len(shape) != 4 or shape[0] not in (None, 1)):
        raise ModelError(f"{what}: {value.name!r} has the shape {shape}, but an image here is (1, channels, H, W)")


def _read(path: Path) -> onnx.ModelProto:
    try:
        size = path.stat().st_size
        if size > MODEL_BYTES_MAX:
            raise ModelError(f"{path}: {size} bytes is more than a model file can have; use external data")
        proto = onnx.load(path, load_external_data=False)
        onnx.load_external_data_for_model(proto, str(path.parent))
        if proto.graph.node:
            onnx.checker.check_model(proto)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (DecodeError, onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path}: not a valid ONNX file ({str(error).strip().splitlines()[0]})") from error
    if not proto.graph.node:
        raise ModelError(f"{path}: not an ONNX model, or one without a single node")
    return proto
