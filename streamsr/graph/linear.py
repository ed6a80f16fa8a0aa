"""Convolutions as matrices: reading them from a graph, and composing them with what stands before or after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from .builder import Floats
from .rewrite import Rewriter, attributes


@dataclass(frozen=True, slots=True)
class Linear:
    """A convolution with constant weights: `weight` `(out, in, rows, columns)`, `bias` `(out,)`, float64."""

    weight: Floats
    bias: Floats
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    strides: tuple[int, int] = (1, 1)
    groups: int = 1
    """Of the node it was read from; `weight` has the zeros between them."""

    @property
    def pointwise(self) -> bool:
        """Whether it only mixes channels."""
        return self.weight.shape[2:] == (1, 1) == self.strides and not any(self.pads)

    @property
    def in_cell(self) -> bool:
        """Whether its windows tile the picture: as large as the stride, no padding."""
        return self.weight.shape[2:] == self.strides and not any(self.pads)

    @property
    def matrix(self) -> Floats:
        """The weights of a pointwise one as `(out, in)`."""
        return self.weight[:, :, 0, 0]


def read_linear(g: Rewriter, node: onnx.NodeProto) -> Linear | None:
    """The linear map of a Conv node; None where it is dilated or its weights are not float32 constants."""
    if node.op_type != "Conv":
        return None
    given = attributes(node)
    weight = g.value(node.input[1])
    bias = g.value(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    unknown_bias = len(node.input) > 2 and bool(node.input[2]) and bias is None
    if weight is None or weight.dtype != np.float32 or weight.ndim != 4 or unknown_bias:
        return None
    if set(given.get("dilations", [1])) != {1} or given.get("auto_pad", b"NOTSET") != b"NOTSET":
        return None
    groups = given.get("group", 1)
    dense = _dense(weight.astype(np.float64), groups)
    offset = np.zeros(len(weight)) if bias is None else bias.astype(np.float64)
    return Linear(dense, offset, tuple(given.get("pads", [0] * 4)), tuple(given.get("strides", [1, 1])), groups)


def _dense(weight: Floats, groups: int) -> Floats:
    """The weights of a grouped convolution with the zeros between its groups."""
    out, channels = weight.shape[0] // groups, weight.shape[1]
    full = np.zeros((weight.shape[0], channels * groups, *weight.shape[2:]))
    for k in range(groups):
        full[k * out : (k + 1) * out, k * channels : (k + 1) * channels] = weight[k * out : (k + 1) * out]
    return full


def write_linear(g: Rewriter, linear: Linear, x: str) -> str:
    """Add it to the graph as a Conv reading `x`."""
    inputs = [x, g.const(linear.weight)]
    if np.any(linear.bias):
        inputs.append(g.const(linear.bias))
    return g.add(
        "Conv",
        inputs,
        kernel_shape=list(linear.weight.shape[2:]),
        pads=list(linear.pads),
        strides=list(linear.strides),
        group=1,
    )


def scaled_weight(g: Rewriter, name: str, factor: float) -> str | None:
    """A float constant, or an integer one behind a DequantizeLinear, multiplied; None for anything else."""
    value = g.value(name)
    if value is not None:
        return g.const(value * factor) if value.dtype == np.float32 else None
    node = g.producer(name)
    if node is None or node.op_type != "DequantizeLinear" or g.value(node.input[0]) is None:
        return None
    scale = scaled_weight(g, node.input[1], factor)
    return None if scale is None else g.copy(node, [node.input[0], scale, *node.input[2:]])


def after(first: Linear, matrix: Floats, offset: Floats) -> Linear:
    """`first`, then channels mixed: one convolution of the same shape."""
    weight = np.einsum("dc,cikl->dikl", matrix, first.weight)
    return Linear(weight, matrix @ first.bias + offset, first.pads, first.strides)


def before(first: Linear, last: Linear) -> Linear:
    """Channels mixed by a pointwise `first`, then `last`: one convolution of the shape of `last`.

    The offset of `first` must be zero where `last` pads: zeros then mean the same before and after the mix.
    """
    weight = np.einsum("ockl,ci->oikl", last.weight, first.matrix)
    bias = last.bias + np.einsum("ockl,c->o", last.weight, first.bias)
    return Linear(weight, bias, last.pads, last.strides)


def through_shuffle(linear: Linear, block: int, mode: str) -> Floats:
    """An in-cell convolution that reads a DepthToSpace, as a matrix on the channels before it.

    The result `(out * phases, in * block²)` is to be followed by a shuffle of the phases that are left, `block / rows`
    by `block / columns`, channel outermost (CRD).
    """
    out, channels, rows, columns = linear.weight.shape
    phases = block // rows, block // columns
    lifted = np.zeros((out, *phases, channels, block, block))
    for i, j in np.ndindex(*phases):
        lifted[:, i, j, :, i * rows : (i + 1) * rows, j * columns : (j + 1) * columns] = linear.weight
    if mode == "DCR":
        lifted = np.moveaxis(lifted, 3, -1)
    return lifted.reshape(out * phases[0] * phases[1], -1)
