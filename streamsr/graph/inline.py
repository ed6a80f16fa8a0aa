"""A model's nodes as part of a larger graph: every name prefixed, one input bound, opsets made one."""

from __future__ import annotations

from collections.abc import Iterable

import onnx
from onnx import TensorProto, inliner, version_converter

from ..errors import ModelError
from .builder import OPSET, GraphBuilder, Tensor
from .model import STRENGTH, STYLE_WEIGHTS, Model, dims, free_inputs, image_input, image_output, opset_of
from .names import Names
from .state import declare_state, emit_state


def common_opset(models: Iterable[Model]) -> int:
    """The operator set a chain is brought to: ours, or a newer one that one of the models needs."""
    return max([OPSET, *(opset_of(model.proto) for model in models)])


def inline(b: GraphBuilder, model: Model, x: Tensor, prefix: str) -> Tensor:
    """Add the model to the graph under construction, its image input bound to `x`; returns its image output.

    A model of a fixed size gets a smaller picture extended by repeating its edge, and the result is cut back.
    Recurrent state becomes `state.k` and `state.k.next` of the graph, counted along the chain; one `reset` serves all.
    Controls keep their names, numbered from the second model on that has any.

    Raises:
        ModelError: the model cannot be brought to the graph's operator set, or is made for smaller pictures.
    """
    proto = _at_opset(model, b.opset)
    graph = proto.graph
    for entry in proto.opset_import:
        if entry.domain not in ("", "ai.onnx"):
            b.domains[entry.domain] = max(entry.version, b.domains.get(entry.domain, 0))
    image = image_input(graph, model.spec)
    picture = x.shape
    x = _at_fixed_size(b, model, image, x)
    half = image.type.tensor_type.elem_type == TensorProto.FLOAT16
    bound = {image.name: (b.cast(x, TensorProto.FLOAT16) if half else x).name}
    names = Names(prefix, bound | declare_state(b, model.spec, graph, x) | _declare_controls(b, model, graph))
    b.nodes.extend(map(names.node, graph.node))
    b.constants.update((names(constant.name), names.constant(constant)) for constant in graph.initializer)
    emit_state(b, model.spec, graph, names)
    n, c, h, w = x.shape
    shape = n, c, h * model.spec.scale, w * model.spec.scale
    output = Tensor(names(image_output(graph, model.spec).name), shape)
    b.claims[output.name] = model.spec.name, shape
    output = b.cast(output, TensorProto.FLOAT) if half else output
    return b.fit(output, picture[2] * model.spec.scale, picture[3] * model.spec.scale)


def check_claims(b: GraphBuilder, proto: onnx.ModelProto) -> None:
    """Make sure that every model returns pictures of the size its spec promises.

    Raises:
        ModelError: shape inference found another size.
    """
    for value in proto.graph.value_info:
        name, promised = b.claims.get(value.name, ("", ()))
        found = dims(value)
        if name and any(size not in (None, wanted) for size, wanted in zip(found, promised, strict=False)):
            raise ModelError(
                f"model {name!r} says it returns {list(promised)} here, but returns {found}: its metadata is wrong, "
                "or its input must be a multiple of something it does not say"
            )


def _declare_controls(b: GraphBuilder, model: Model, graph: onnx.GraphProto) -> dict[str, str]:
    """Declare the inputs that tell a conditional model what to do; returns its names -> ours."""
    inputs = {value.name: value for value in free_inputs(graph)} if model.spec.conditioning else {}
    wanted = {STYLE_WEIGHTS: (1, len(model.spec.conditioning)), STRENGTH: (1, 1)}
    if inputs and any(name not in inputs or tuple(dims(inputs[name])) != shape for name, shape in wanted.items()):
        takes = ", ".join(f"{name!r} {list(shape)}" for name, shape in wanted.items())
        raise ModelError(f"model {model.spec.name!r} is conditional, but does not take {takes}: export it anew")
    number = sum(name.startswith(STRENGTH) for name in b.controls)
    bound = {name: f"{name}.{number}" if number else name for name in wanted if inputs}
    for name, ours in bound.items():
        b.input(ours, wanted[name], TensorProto.FLOAT)
        b.controls.append(ours)
    return bound


def _at_fixed_size(b: GraphBuilder, model: Model, image: onnx.ValueInfoProto, x: Tensor) -> Tensor:
    (rows, columns), (height, width) = dims(image)[2:], x.shape[2:]
    if height > (rows or height) or width > (columns or width):
        raise ModelError(
            f"model {model.spec.name!r} only takes pictures of {columns}x{rows}, not {x.shape[3]}x{x.shape[2]}: "
            f"use --tile {min(filter(None, (rows, columns)))}, or export it with free height and width"
        )
    return b.fit(x, rows or height, columns or width)


def _at_opset(model: Model, opset: int) -> onnx.ModelProto:
    proto = inliner.inline_local_functions(model.proto) if model.proto.functions else model.proto
    if opset_of(proto) == opset:
        return proto
    try:
        return version_converter.convert_version(proto, opset)
    except (RuntimeError, ValueError, IndexError) as error:
        raise ModelError(
            f"model {model.spec.name!r}: opset {opset_of(proto)} does not convert to {opset}; export it anew at opset "
            f"{opset} ({error})"
        ) from error
