"""Folding colour conversion towards the last convolution of a network; see `fold`."""

from __future__ import annotations

from math import prod

import numpy as np
import onnx

from .builder import OWN, Floats
from .linear import Linear, after, before, read_linear, through_shuffle, write_linear
from .rewrite import Rewriter, attributes


def fold_mixes(g: Rewriter) -> None:
    """Move colour matrices, and the averaging of chroma that follows them, into a network's last convolution."""
    for node in [n for n in g.nodes if n.name.startswith(OWN) and n.op_type == "Conv"]:
        _fold_mix(g, node.input[0])
        g.prune()


def _fold_mix(g: Rewriter, name: str) -> None:
    """Let one convolution make everything that colour conversions make of a network's RGB output."""
    shape = g.shape(name)
    source, block, mode = _before_shuffle(g, name)
    mixes = [_conversion(g, reader, block) for reader in g.readers(name)]
    known = [mix for mix in mixes if mix is not None]
    if not known or len(known) < len(mixes) or shape is None:
        return
    matrices = [through_shuffle(linear, block, mode) for linear, _ in known]
    offsets = [np.repeat(linear.bias, block * block // prod(linear.strides)) for linear, _ in known]
    joint = _mixed(g, source, np.concatenate(matrices), np.concatenate(offsets))
    if joint is None:
        return
    size, total, start = (shape[2] // block, shape[3] // block), sum(map(len, matrices)), 0
    for (linear, output), matrix in zip(known, matrices, strict=True):
        part = _channels(g, joint, (start, start + len(matrix), total), size)
        phases = len(linear.bias), block // linear.strides[0], block // linear.strides[1]
        g.redirect(output, _shuffled(g, part, phases, size))
        start += len(matrix)


def _conversion(g: Rewriter, node: onnx.NodeProto, block: int) -> tuple[Linear, str] | None:
    """A colour mix, with the averaging of chroma that follows if `block` holds its cells; and its output."""
    mix = read_linear(g, node) if node.name.startswith(OWN) else None
    if mix is None or not mix.pointwise:
        return None
    readers = g.readers(node.output[0])
    mean = read_linear(g, readers[0]) if len(readers) == 1 and readers[0].name.startswith(OWN) else None
    if mean is None or not mean.in_cell or any(block % stride for stride in mean.strides):
        return mix, node.output[0]
    return before(mix, mean), readers[0].output[0]


def _before_shuffle(g: Rewriter, name: str) -> tuple[str, int, str]:
    """What a DepthToSpace reads, its block and mode; the value itself and a block of 1 without one."""
    name = _before_clamp(g, name)
    node = g.producer(name)
    if node is None or node.op_type != "DepthToSpace":
        return name, 1, "CRD"
    given = attributes(node)
    return _before_clamp(g, node.input[0]), given["blocksize"], given.get("mode", b"DCR").decode()


def _before_clamp(g: Rewriter, name: str) -> str:
    node = g.producer(name)
    clamp = node is not None and node.op_type == "Clip" and [g.scalar(x) for x in node.input[1:]] == [0.0, 1.0]
    return node.input[0] if node is not None and clamp else name


def _mixed(g: Rewriter, name: str, matrix: Floats, offset: Floats) -> str | None:
    """Mixed channels of a value, made by the convolution that made the value; None where there is none."""
    node = g.producer(name)
    if node is None or node.name.startswith(OWN):
        return None
    if node.op_type == "Conv":
        conv = read_linear(g, node)
        return write_linear(g, after(conv, matrix, offset), node.input[0]) if conv and conv.groups == 1 else None
    if node.op_type == "Add":
        return _mixed_sum(g, node, matrix, offset)
    return None


def _mixed_sum(g: Rewriter, node: onnx.NodeProto, matrix: Floats, offset: Floats) -> str | None:
    """The residual pattern: one term comes from a convolution, the other is the picture, its channels repeated."""
    for main, other in (tuple(node.input), tuple(reversed(node.input))):
        shape = g.shape(other)
        if g.value(other) is not None or shape is None or len(shape) != 4:
            continue
        body = _mixed(g, main, matrix, offset)
        if body is not None:
            return g.add("Add", [body, _picture(g, other, matrix)])
    return None


def _picture(g: Rewriter, name: str, matrix: Floats) -> str:
    """Mixed channels of a residual picture, read from as far up as its own mixing goes."""
    node = g.producer(name)
    shape = g.shape(name)
    if shape is not None and shape[1] == 1 < matrix.shape[1]:
        matrix = matrix.sum(axis=1, keepdims=True)
    index = g.value(node.input[1]) if node is not None and node.op_type == "Gather" else None
    if node is not None and index is not None and attributes(node).get("axis") == 1:
        channels = g.shape(node.input[0])
        if index.ndim == 1 and channels is not None:
            return _picture(g, node.input[0], matrix @ np.eye(channels[1])[index])
    mix = read_linear(g, node) if node is not None else None
    if node is not None and mix is not None and mix.pointwise:
        return write_linear(g, after(mix, matrix, np.zeros(len(matrix))), node.input[0])
    return write_linear(g, Linear(matrix[:, :, None, None], np.zeros(len(matrix))), name)


def _channels(g: Rewriter, name: str, part: tuple[int, int, int], rows: tuple[int, int]) -> str:
    """Channels `start` to `stop` of `total`."""
    start, stop, total = part
    if (start, stop) == (0, total):
        return name
    height, width = rows
    flat = g.add("Reshape", [name, g.const([total * height, width], np.int64)])
    bounds = [g.const([value], np.int64) for value in (start * height, stop * height, 0)]
    cut = g.add("Slice", [flat, *bounds])
    return g.add("Reshape", [cut, g.const([1, stop - start, height, width], np.int64)])


def _shuffled(g: Rewriter, name: str, phases: tuple[int, int, int], rows: tuple[int, int]) -> str:
    channels, down, right = phases
    height, width = rows
    if down == right == 1:
        return name
    if down == right:
        return g.add("DepthToSpace", [name], blocksize=down, mode="CRD")
    split = g.add("Reshape", [name, g.const([1, channels, down, right, height, width], np.int64)])
    turned = g.add("Transpose", [split], perm=[0, 1, 4, 2, 5, 3])
    return g.add("Reshape", [turned, g.const([1, channels, down * height, right * width], np.int64)])
