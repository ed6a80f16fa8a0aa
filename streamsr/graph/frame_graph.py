"""From a chain of models and a stream's format to one ONNX graph: the decoder's planes in, the encoder's planes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from math import gcd, lcm

import onnx

from ..color import UNKNOWN, Color
from ..layout import PixelLayout
from .builder import GraphBuilder, infer_shapes
from .convert import to_rgb, to_yuv
from .fold import folded
from .inline import check_claims, common_opset, inline
from .model import Model
from .pack import pack
from .picture import Picture, Rgb, Yuv, unit_encoding
from .stream import StreamFormat
from .unpack import unpack
from .unread import keep_unread_inputs


@dataclass(frozen=True)
class FrameGraph:
    """One ONNX graph for one stream. Inputs `plane.k`, outputs `out.k`: uint8 tensors as `planes.to_tensors` gives."""

    proto: onnx.ModelProto
    input: StreamFormat
    output: StreamFormat
    halo: int
    """Input luma pixels around a pixel that can influence its output, chroma filters included."""
    align: int
    """Tile offsets and sizes must be multiples of this many input luma pixels."""
    state: tuple[tuple[str, str], ...] = ()
    """Recurrent state: (input name, output name) pairs."""


def build_frame_graph(
    models: Sequence[Model],
    source: StreamFormat,
    target_layout: PixelLayout | None = None,
    target_color: Color | None = None,
    *,
    fold: bool = True,
) -> FrameGraph:
    """Compose a chain (an empty one only converts) for pictures of `source`.

    Layout and colour of the result are the source's unless asked otherwise; what a stream leaves unknown is resolved
    as `Color.resolved` does. `fold=False` keeps every conversion as a step of its own, to compare with.

    Raises:
        ModelError: a model that cannot be part of such a graph.
        UnsupportedFormatError: a colour matrix that cannot be converted, where it must be.
    """
    scale = 1
    for model in models:
        scale *= model.spec.scale
    layout = target_layout or source.layout
    target = _target(source, layout, target_color, scale)
    known = replace(source, color=source.color.resolved(source.layout, source.height))
    b = GraphBuilder(common_opset(models))
    picture = unpack(b, known, alpha=layout.alpha)
    matrix = target.color.matrix if layout.family == "yuv" else "bt709"
    for i, model in enumerate(models):
        picture = _apply(b, picture, model, f"model{i}/", matrix)
    pack(b, picture, target, within_cell=scale > 1 and not scale % (1 << max(layout.sub_x, layout.sub_y)))
    proto = b.finish(" + ".join(model.spec.name for model in models) or "convert")
    check_claims(b, proto)
    if fold:
        proto = folded(proto)
    return FrameGraph(
        infer_shapes(keep_unread_inputs(proto)),
        source,
        replace(target, color=_declared(target, source, target_color)),
        *overlap(models, source, target),
        tuple(b.state),
    )


def _apply(b: GraphBuilder, picture: Picture, model: Model, prefix: str, matrix: str) -> Picture:
    spec = model.spec
    if spec.color == "rgb":
        rgb = to_rgb(b, picture, spec.multiple_of)
        image: Yuv | Rgb = Rgb(inline(b, model, rgb, prefix))
    else:
        yuv = picture.image
        if isinstance(yuv, Rgb):
            yuv = to_yuv(b, picture, unit_encoding(matrix), chroma=True)
        height, width = (-(-size // spec.multiple_of) * spec.multiple_of for size in (picture.height, picture.width))
        peak = yuv.encoding.coding.peak
        luma = b.affine(b.fit(yuv.luma, height, width), 1 / peak, 0)
        image = replace(yuv, luma=b.affine(inline(b, model, luma, prefix), peak, 0), scale=yuv.scale * spec.scale)
    alpha = picture.alpha and replace(picture.alpha, scale=picture.alpha.scale * spec.scale)
    return Picture(image, alpha, picture.width * spec.scale, picture.height * spec.scale)


def _target(source: StreamFormat, layout: PixelLayout, color: Color | None, scale: int) -> StreamFormat:
    """The output's format, its colour resolved: what is not asked for is as in the source, where that has a meaning."""
    width, height = source.width * scale, source.height * scale
    base = source.color.resolved(source.layout, source.height)
    if layout.family != source.layout.family:
        through_rgb = "rgb" in (layout.family, source.layout.family)
        base = replace(base, matrix=UNKNOWN if through_rgb else base.matrix, range=UNKNOWN, siting=UNKNOWN)
    if color is not None:
        given = {f.name: getattr(color, f.name) for f in fields(color) if getattr(color, f.name) != UNKNOWN}
        base = replace(base, **given)
    return StreamFormat(width, height, layout, base.resolved(layout, height))


def _declared(target: StreamFormat, source: StreamFormat, color: Color | None) -> Color:
    """The tags of the output: the source's, made explicit only where leaving them unknown would now mean another."""
    tags, actual = color or source.color, target.color
    if target.layout.sub_x == target.layout.sub_y == 0:
        actual = replace(actual, siting=UNKNOWN)
    if target.layout.family != source.layout.family:
        return actual
    guessed = tags.resolved(target.layout, target.height)
    changed = [name for name in ("matrix", "range", "siting") if getattr(guessed, name) != getattr(target.color, name)]
    return replace(tags, **{name: getattr(actual, name) for name in changed})


def overlap(models: Sequence[Model], source: StreamFormat, target: StreamFormat) -> tuple[int, int]:
    """`halo` and `align` of the frame graph of a chain, whether or not it can be built for whole pictures."""
    return _halo(models, source, target), _align(models, source, target)


def _halo(models: Sequence[Model], source: StreamFormat, target: StreamFormat) -> int:
    """Reach of the models and of the chroma filters, in input pixels."""
    reach, scale = 3 << max(source.layout.sub_x, source.layout.sub_y), 1
    for model in models:
        reach += -(-model.spec.halo // scale)
        scale *= model.spec.scale
    return reach + -(-(3 << max(target.layout.sub_x, target.layout.sub_y)) // scale)


def _align(models: Sequence[Model], source: StreamFormat, target: StreamFormat) -> int:
    """Input pixels per repeat of everything that has a phase: chroma cells in and out, the models' granularity."""
    align, scale = 1 << max(source.layout.sub_x, source.layout.sub_y), 1
    for model in models:
        align = lcm(align, model.spec.multiple_of // gcd(model.spec.multiple_of, scale))
        scale *= model.spec.scale
    cell = 1 << max(target.layout.sub_x, target.layout.sub_y)
    return lcm(align, cell // gcd(cell, scale))
