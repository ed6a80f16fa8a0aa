"""Models to TensorRT plans: a chain for one stream's format, or for a range of sizes, compiled to run elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import onnx

from streamsr.engines.plan import Flavour, OnProgress, PlanOptions, Profile, build_plan
from streamsr.engines.plan_layers import Layer, layer_report
from streamsr.errors import ConfigError, UnknownNameError
from streamsr.graph.dynamic import Size, dynamic
from streamsr.graph.frame_graph import FrameGraph, build_frame_graph
from streamsr.graph.model import Model, load_model
from streamsr.graph.planes import tensor_shapes
from streamsr.graph.precision import half
from streamsr.graph.rewrite import Array
from streamsr.graph.stream import StreamFormat
from streamsr.graph.tensorrt_form import tensorrt_form
from streamsr.layout import PixelLayout
from streamsr.look import StyleOptions
from streamsr.zoo.catalog import INT8, resolve

Precision = Literal["fp16", "fp32", "int8"]
PRECISIONS: tuple[Precision, ...] = ("fp16", "fp32", "int8")


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What a plan is to compute."""

    models: tuple[str, ...]
    """Names of the zoo or ONNX files, in the order they are applied."""
    source: StreamFormat
    """The pictures that come in; with `sizes`, of the size the plan is to be fastest at."""
    target: PixelLayout | None = None
    """How the pictures that go out are laid out; None: as those that come in."""
    precision: Precision = "fp16"
    """What networks compute in; `int8` takes the models' quantized form, and fp16 where there is none."""
    style: StyleOptions | None = None
    """What the conditional models among them paint, as part of their weights, and how much is smoothed; None: they are
    told with each frame, and nothing is smoothed."""
    sizes: tuple[Size, Size] | None = None
    """The smallest and the largest size, instead of one."""

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UnknownNameError("precision", self.precision, PRECISIONS)


@dataclass(frozen=True, slots=True)
class CompiledPlan:
    """A plan, and what it is."""

    plan: bytes
    """What TensorRT's runtime deserializes."""
    inputs: tuple[str, ...]
    """Every input, `plane.0 uint8 [360, 640]`; a dimension that is free is told by a formula."""
    outputs: tuple[str, ...]
    layers: tuple[Layer, ...]
    """What it consists of, if that was asked for."""


def compile_plan(
    request: PlanRequest,
    flavour: Flavour,
    options: PlanOptions | None = None,
    *,
    progress: OnProgress | None = None,
    report: bool = False,
) -> CompiledPlan:
    """Build the frame graph of a chain, write its precision into it, and compile it.

    Args:
        request: what to compile.
        flavour: which library compiles it.
        options: how.
        progress: told what the builder is at.
        report: whether to find out the layers; with `tensorrt` that loads the plan.

    Raises:
        UnknownNameError: no such model or style.
        ModelError: a file that is not a usable model.
        ConfigError: sizes or options that make no sense for these models.
        BuildError: TensorRT refuses the graph; the message names the layer.
        MissingDependencyError: the library is not installed.
    """
    options = options or PlanOptions()
    proto, profiles = _graph(request)
    layers: list[tuple[Layer, ...]] = []
    told = layers.append if report and flavour == "tensorrt-rtx" else None
    plan = build_plan(proto, flavour, replace(options, detailed=options.detailed or report), profiles, progress, told)
    if report and told is None:
        layers.append(layer_report(plan, flavour))
    inputs, outputs = (tuple(map(_described, values)) for values in (proto.graph.input, proto.graph.output))
    return CompiledPlan(plan, inputs, outputs, layers[0] if layers else ())


def _graph(request: PlanRequest) -> tuple[onnx.ModelProto, list[Profile]]:
    """The graph to compile, and the sizes of what is free in it."""
    source = request.source
    # what is not known of the colour is guessed by the height: of one size, whatever the others are
    source = replace(source, color=source.color.resolved(source.layout, source.height))
    models = [_model(name, request.precision) for name in request.models]
    _check_int8(request, models)
    told = _told(models, request.style)
    smooth = request.style.smooth if request.style else 0.0

    def typed(size: Size) -> FrameGraph:
        stream = replace(source, width=size[0], height=size[1])
        graph = build_frame_graph(models, stream, request.target, conditions=told, smooth=smooth)
        return graph if request.precision == "fp32" else half(graph)

    middle = source.width, source.height
    if request.sizes is None:
        return typed(middle).proto, []
    low, high = request.sizes
    _check_sizes(typed(low).align, low, middle, high)
    proto = dynamic(lambda *size: tensorrt_form(typed(size).proto), low, high)
    planes = [tensor_shapes(source.layout, *size) for size in (low, middle, high)]
    return proto, [
        {f"plane.{i}": (least, best, most) for i, (least, best, most) in enumerate(zip(*planes, strict=True))}
    ]


def _model(name: str, precision: str) -> Model:
    entry = resolve(name)
    return load_model(entry.variants.get(precision, entry.path))


def _check_int8(request: PlanRequest, models: Sequence[Model]) -> None:
    quantized = [any(node.op_type == "QuantizeLinear" for node in model.proto.graph.node) for model in models]
    if request.precision == INT8 and not any(quantized):
        raise ConfigError(
            f"{' + '.join(request.models)} does not come in int8; `streamsr quantize` makes it, or use fp16"
        )


def _told(models: Sequence[Model], style: StyleOptions | None) -> dict[int, Sequence[Array]]:
    """The controls of the conditional models, by their place in the chain."""
    if style is None or not style.style:
        return {}
    conditional = {i: model.spec.conditioning for i, model in enumerate(models) if model.spec.conditioning}
    if not conditional:
        raise ConfigError("none of these models has styles: leave the style away, or begin with a stylizer")
    looks = {i: style.looks(names).fixed for i, names in conditional.items()}
    return {i: look.tensors() for i, look in looks.items() if look is not None}


def _check_sizes(align: int, low: Size, middle: Size, high: Size) -> None:
    for size in (low, middle, high):
        if any(side % align for side in size):
            raise ConfigError(
                f"{size[0]}x{size[1]} is not a multiple of {align}, which every size in the range must be"
            )
    if not all(least <= side <= most for least, side, most in zip(low, middle, high, strict=True)):
        raise ConfigError(f"{middle[0]}x{middle[1]} is not within {low[0]}x{low[1]} and {high[0]}x{high[1]}")


def _described(value: onnx.ValueInfoProto) -> str:
    kind = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
    return f"{value.name} {dtype} [{', '.join(dim.dim_param or str(dim.dim_value) for dim in kind.shape.dim)}]"
