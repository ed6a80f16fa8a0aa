"""From a chain of models and a stream's format to one ONNX graph: the decoder's planes in, the encoder's planes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import gcd, lcm, prod

import onnx

from ..color import UNKNOWN, Color
from ..layout import PixelLayout
from ..spec import least_side
from .builder import GraphBuilder, infer_shapes
from .condition import baked
from .convert import to_rgb, to_yuv
from .fold import folded
from .inline import check_claims, common_opset, inline
from .model import Model
from .pack import pack
from .picture import Picture, Rgb, Yuv, unit_encoding
from .rewrite import Array
from .stream import StreamFormat
from .temporal import smooth as smooth_rgb
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
    controls: tuple[str, ...] = ()
    """Inputs, float32, that come after the planes and tell models what to do: `style_weights`, `strength`, …"""


def build_frame_graph(
    models: Sequence[Model],
    source: StreamFormat,
    target_layout: PixelLayout | None = None,
    target_color: Color | None = None,
    *,
    conditions: Mapping[int, Sequence[Array]] | None = None,
    smooth: float = 0.0,
    fold: bool = True,
) -> FrameGraph:
    """Compose a chain (an empty one only converts) for pictures of `source`.

    Layout and colour of the result are the source's unless asked otherwise; what a stream leaves unknown is resolved
    as `Color.resolved` does.

    `conditions` holds the controls of conditional models, by their place in the chain, as `baked` takes them: they
    become part of the weights; the controls of others become inputs. `smooth` is how much of a picture may come from
    the one before, as it leaves the last stylizer, or as it enters a chain without one. `fold=False` keeps every
    conversion as a step of its own, to compare with.

    Raises:
        ConfigError: a condition whose model does not take it.
        ModelError: a model that cannot be part of such a graph.
        UnsupportedFormatError: a colour matrix that cannot be converted, where it must be.
    """
    scale = prod(model.spec.scale for model in models)
    layout = target_layout or source.layout
    target = _target(source, layout, target_color, scale)
    known = replace(source, color=source.color.resolved(source.layout, source.height))
    told = conditions or {}
    models = [baked(model, told[i]) if i in told else model for i, model in enumerate(models)]
    b = GraphBuilder(common_opset(models))
    matrix = target.color.matrix if layout.family == "yuv" else "bt709"
    picture = _through(b, unpack(b, known, alpha=layout.alpha), models, matrix, smooth)
    pack(b, picture, target, within_cell=scale > 1 and not scale % (1 << max(layout.sub_x, layout.sub_y)))
    proto = b.finish(" + ".join(model.spec.name for model in models) or "convert")
    check_claims(b, proto)
    return FrameGraph(
        infer_shapes(keep_unread_inputs(folded(proto) if fold else proto)),
        source,
        replace(target, color=_declared(target, source, target_color)),
        *overlap(models, source, target),
        tuple(b.state),
        tuple(b.controls),
    )


def _through(b: GraphBuilder, first: Picture, models: Sequence[Model], matrix: str, smooth: float) -> Picture:
    """What the models make of the picture `first`."""
    painted = 1 + max((i for i, model in enumerate(models) if model.spec.task == "style"), default=-1)
    picture = first
    for i in range(len(models) + 1):
        if smooth and i == painted:
            picture = _smoothed(b, first, picture, matrix, smooth)
        if i < len(models):
            picture = _apply(b, picture, models[i], f"model{i}/", matrix)
    return picture


def _apply(b: GraphBuilder, picture: Picture, model: Model, prefix: str, matrix: str) -> Picture:
    spec = model.spec
    if spec.color == "rgb":
        rgb = to_rgb(b, picture, spec.multiple_of)
        rgb = b.fit(rgb, *(max(size, least_side(spec.multiple_of)) for size in rgb.shape[2:]))
        image: Yuv | Rgb = Rgb(inline(b, model, rgb, prefix))
    else:
        yuv = picture.image
        if isinstance(yuv, Rgb):
            yuv = to_yuv(b, picture, unit_encoding(matrix), chroma=True)
        height, width = (
            max(-(-size // spec.multiple_of) * spec.multiple_of, least_side(spec.multiple_of))
            for size in (picture.height, picture.width)
        )
        peak = yuv.encoding.coding.peak
        luma = b.affine(b.fit(yuv.luma, height, width), 1 / peak, 0)
        image = replace(yuv, luma=b.affine(inline(b, model, luma, prefix), peak, 0), scale=yuv.scale * spec.scale)
    alpha = picture.alpha and replace(picture.alpha, scale=picture.alpha.scale * spec.scale)
    return Picture(image, alpha, picture.width * spec.scale, picture.height * spec.scale)


def _smoothed(b: GraphBuilder, first: Picture, styled: Picture, matrix: str, strength: float) -> Picture:
    """The picture `styled` held still, as far as the luma of the chain's input, `first`, is explained by its past."""
    image = first.image if isinstance(first.image, Yuv) else to_yuv(b, first, unit_encoding(matrix), chroma=False)
    luma = b.affine(image.luma, 1 / image.encoding.coding.peak, 0)
    return replace(styled, image=smooth_rgb(b, luma, Rgb(to_rgb(b, styled)), matrix, strength))


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
