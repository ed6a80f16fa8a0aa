"""Joins and parts of channels written as such, for compilers that keep channels first and fuse what is pointwise.

`builder` writes them as joins and parts of rows, `(C * H, W)`, which CPUs prefer. TensorRT for RTX 1.7 fails on a
picture joined so out of several behind a GridSample, and any compiler understands the plain form at least as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from .rewrite import Rewriter, attributes


def join_channels(g: Rewriter) -> None:
    """Write `(C_k * H, W)` joined to `(1, C, H, W)`, and rows cut out of that, as Concat and Slice of channels."""
    for node in [n for n in g.nodes if n.op_type == "Reshape"]:
        rows = g.producer(node.input[0])
        if rows is not None and rows.op_type == "Concat" and attributes(rows)["axis"] == 0:
            _join(g, node, [_before_reshape(g, name) for name in rows.input])
        elif rows is not None and rows.op_type == "Slice" and len(rows.input) == 4:
            _cut(g, node, rows)


def _before_reshape(g: Rewriter, name: str) -> str | None:
    node = g.producer(name)
    return node.input[0] if node is not None and node.op_type == "Reshape" else None


def _join(g: Rewriter, node: onnx.NodeProto, parts: Sequence[str | None]) -> None:
    whole = g.shape(node.output[0])
    pictures = [part for part in parts if part is not None]
    shapes = [g.shape(part) for part in pictures]
    if whole is None or len(pictures) < len(parts) or any(_size(shape) != _size(whole) for shape in shapes):
        return
    g.redirect(node.output[0], g.shaped(g.add("Concat", pictures, axis=1), whole))


def _cut(g: Rewriter, node: onnx.NodeProto, rows: onnx.NodeProto) -> None:
    part, picture = g.shape(node.output[0]), _before_reshape(g, rows.input[0])
    whole = g.shape(picture) if picture is not None else None
    first, last, axis = (g.scalar(name) for name in rows.input[1:])
    if picture is None or part is None or whole is None or first is None or last is None or axis != 0:
        return
    height = whole[-2]
    if _size(part) != _size(whole) or first % height or last % height:
        return
    bounds = [g.const([value], int) for value in (first // height, last // height, 1)]
    g.redirect(node.output[0], g.shaped(g.add("Slice", [picture, *bounds]), part))


def _size(shape: Sequence[int] | None) -> tuple[int, ...] | None:
    """Batch, height and width of pictures; None for anything else."""
    return (shape[0], *shape[2:]) if shape is not None and len(shape) == 4 else None
