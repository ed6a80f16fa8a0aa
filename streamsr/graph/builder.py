"""Writing ONNX graphs by hand: tensors with static shapes, one method per operator a frame graph is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

OPSET = 18
"""ONNX operator set of a frame graph; higher only if a model needs it."""
IR_VERSION = 10

OWN = "frame/"
"""How the names of a frame graph's own nodes begin; a model's begin with something else."""

Shape = tuple[int, ...]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value of the graph under construction: its name and its static shape."""

    name: str
    shape: Shape


class GraphBuilder:
    """Collects nodes and constants. Tensors are float32 NCHW unless a method says otherwise."""

    def __init__(self, opset: int = OPSET) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.opset = opset
        self.domains: dict[str, int] = {}
        """Versions of further operator sets that models use."""
        self.state: list[tuple[str, str]] = []
        """Recurrent state so far: (input, output) pairs."""
        self.controls: list[str] = []
        """Inputs so far that tell models what to do."""
        self.claims: dict[str, tuple[str, Shape]] = {}
        """Outputs of models: whose, and the shape they must have."""
        self._known: dict[tuple[str, Shape, bytes], str] = {}
        self._before_reshape: dict[str, Tensor] = {}

    def input(self, name: str, shape: Shape, kind: int = TensorProto.UINT8) -> Tensor:
        """Declare an input of the graph."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return Tensor(name, shape)

    def output(self, name: str, value: Tensor, kind: int = TensorProto.UINT8) -> None:
        """Make a value an output of the graph, under that name and as that type."""
        self.nodes.append(helper.make_node("Cast", [value.name], [name], name=f"{OWN}{name}", to=kind))
        self.outputs.append(helper.make_tensor_value_info(name, kind, value.shape))

    def const(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """The name of a constant; equal ones are stored once."""
        array = np.asarray(values, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            name = self._known[key] = f"const.{len(self._known)}"
            self.constants[name] = numpy_helper.from_array(array, name)
        return self._known[key]

    def node(self, op: str, inputs: Iterable[str], shape: Shape, **attributes: Any) -> Tensor:
        """Add a node with one output of the given shape."""
        name = f"{OWN}{op}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return Tensor(name, shape)

    def cast(self, x: Tensor, kind: int) -> Tensor:
        """Another element type."""
        return self.node("Cast", [x.name], x.shape, to=kind)

    def reshape(self, x: Tensor, shape: Shape) -> Tensor:
        """The same elements in another shape."""
        x = self._before_reshape.get(x.name, x)
        if x.shape == shape:
            return x
        assert prod(x.shape) == prod(shape), f"{x.shape} cannot become {shape}"
        y = self.node("Reshape", [x.name, self.const(shape, np.int64)], shape)
        self._before_reshape[y.name] = x
        return y

    def transpose(self, x: Tensor, order: Sequence[int]) -> Tensor:
        """The same elements with the axes in another order."""
        return self.node("Transpose", [x.name], tuple(x.shape[i] for i in order), perm=list(order))

    def concat(self, parts: Sequence[Tensor], axis: int) -> Tensor:
        """Join tensors that differ in one axis only."""
        if len(parts) == 1:
            return parts[0]
        shape = list(parts[0].shape)
        shape[axis] = sum(part.shape[axis] for part in parts)
        return self.node("Concat", [part.name for part in parts], tuple(shape), axis=axis)

    def stack(self, parts: Sequence[Tensor]) -> Tensor:
        """Join the channels of pictures `(1, C, H, W)`.

        Written as a join of rows: a runtime that prefers channels last would otherwise interleave sample by sample.
        """
        height, width = parts[0].shape[2:]
        total = sum(part.shape[1] for part in parts)
        rows = [self.reshape(part, (part.shape[1] * height, width)) for part in parts]
        return self.reshape(self.concat(rows, 0), (1, total, height, width))

    def channels(self, x: Tensor, start: int, stop: int) -> Tensor:
        """A run of channels of an NCHW tensor."""
        n, c, h, w = x.shape
        if (start, stop) == (0, c):
            return x
        bounds = [self.const([value], np.int64) for value in (start * h, stop * h, 0)]
        rows = self.node("Slice", [self.reshape(x, (c * h, w)).name, *bounds], ((stop - start) * h, w))
        return self.reshape(rows, (n, stop - start, h, w))

    def expand(self, value: float, shape: Shape) -> Tensor:
        """One value repeated to a shape."""
        return self.node("Expand", [self.const(value), self.const(shape, np.int64)], shape)

    def affine(self, x: Tensor, gain: float, offset: float) -> Tensor:
        """`gain * x + offset`."""
        if gain != 1:
            x = self.node("Mul", [x.name, self.const(gain)], x.shape)
        if offset != 0:
            x = self.node("Add", [x.name, self.const(offset)], x.shape)
        return x

    def combine(self, op: str, a: Tensor | float, b: Tensor | float) -> Tensor:
        """An elementwise operator on two values, broadcast: Add, Sub, Mul, Div, Min or Max."""
        shapes = [x.shape if isinstance(x, Tensor) else () for x in (a, b)]
        names = [x.name if isinstance(x, Tensor) else self.const(x) for x in (a, b)]
        return self.node(op, names, np.broadcast_shapes(*shapes))

    def apply(self, op: str, x: Tensor) -> Tensor:
        """An elementwise operator on one value: Exp, Sqrt, Sigmoid, …"""
        return self.node(op, [x.name], x.shape)

    def clip(self, x: Tensor, low: float, high: float) -> Tensor:
        """Values held within bounds."""
        return self.node("Clip", [x.name, self.const(low), self.const(high)], x.shape)

    def pool(self, x: Tensor, size: Shape, stride: int = 1) -> Tensor:
        """Means of each channel over windows of rows and columns, without padding."""
        n, c, h, w = x.shape
        shape = (n, c, (h - size[0]) // stride + 1, (w - size[1]) // stride + 1)
        return self.node("AveragePool", [x.name], shape, kernel_shape=list(size), strides=[stride, stride])

    def box(self, x: Tensor, side: int) -> Tensor:
        """Means over `side` x `side` neighbours, odd; the edge is repeated."""
        reach = side // 2
        return self.pool(self.pool(self.pad_edge(x, reach, reach, reach, reach), (1, side)), (side, 1))

    def shrink(self, x: Tensor, factor: int) -> Tensor:
        """Means of `factor` x `factor` samples; sizes round up, the edge is repeated."""
        height, width = (-(-size // factor) * factor for size in x.shape[2:])
        return self.pool(self.fit(x, height, width), (factor, factor), factor)

    def sample(self, x: Tensor, grid: Tensor, mode: str) -> Tensor:
        """A picture read at `grid`, `(1, H, W, 2)`, x then y, from -1 at its left and top edges to 1 at the others.

        `mode` is `bilinear` or `bicubic`; beyond the border, the picture is its edge repeated. Up to operator set 19:
        the modes have other names since, which TensorRT's parser takes for `nearest` without a word.
        """
        assert self.opset < 20, "GridSample of operator set 20 is not understood everywhere"
        shape = (*x.shape[:2], *grid.shape[1:3])
        return self.node("GridSample", [x.name, grid.name], shape, mode=mode, padding_mode="border", align_corners=0)

    def pad_edge(self, x: Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
        """Rows and columns added by repeating the outermost ones."""
        if not any((top, bottom, left, right)):
            return x
        n, c, h, w = x.shape
        pads = self.const([0, 0, top, left, 0, 0, bottom, right], np.int64)
        return self.node("Pad", [x.name, pads], (n, c, h + top + bottom, w + left + right), mode="edge")

    def fit(self, x: Tensor, height: int, width: int) -> Tensor:
        """Exactly `height` x `width`: cropped, or extended by repeating the edge, at the bottom and the right."""
        n, c, h, w = x.shape
        if h > height or w > width:
            h, w = min(h, height), min(w, width)
            bounds = [self.const(v, np.int64) for v in ([0, 0], [h, w], [2, 3])]
            x = self.node("Slice", [x.name, *bounds], (n, c, h, w))
        return self.pad_edge(x, 0, height - h, 0, width - w)

    def conv(self, x: Tensor, weight: Floats, bias: Floats | None = None, stride: Shape = (1, 1)) -> Tensor:
        """Convolution without padding; weight `(out, in / groups, rows, columns)`."""
        n, c, h, w = x.shape
        out, per_group, rows, columns = weight.shape
        inputs = [x.name, self.const(weight)]
        if bias is not None and np.any(bias):
            inputs.append(self.const(bias))
        shape = (n, out, (h - rows) // stride[0] + 1, (w - columns) // stride[1] + 1)
        return self.node(
            "Conv", inputs, shape, kernel_shape=[rows, columns], strides=list(stride), group=c // per_group
        )

    def shuffle(self, x: Tensor, rows: int, columns: int) -> Tensor:
        """Channels to space: `(1, C * rows * columns, H, W)` to `(1, C, rows * H, columns * W)`, C outermost."""
        n, c, h, w = x.shape
        c, shape = c // (rows * columns), (n, c // (rows * columns), h * rows, w * columns)
        if rows == columns == 1:
            return x
        if rows == columns:
            return self.node("DepthToSpace", [x.name], shape, blocksize=rows, mode="CRD")
        split = self.reshape(x, (n, c, rows, columns, h, w))
        return self.reshape(self.transpose(split, (0, 1, 4, 2, 5, 3)), shape)

    def finish(self, name: str) -> onnx.ModelProto:
        """The whole as a model, every shape inferred."""
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, list(self.constants.values()))
        opsets = [helper.make_opsetid(domain, version) for domain, version in {"": self.opset, **self.domains}.items()]
        proto = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="streamsr")
        return infer_shapes(proto)


def infer_shapes(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the shape of every value it can be told for."""
    return shape_inference.infer_shapes(proto, data_prop=True)
