"""Frame graphs of free height and width, made from graphs of fixed sizes by looking at what differs between them.

A frame graph is written for one size: shapes, bounds and borders are constants in it. Where the same chain at four
sizes gives the same nodes, and all that differs is whole numbers that grow evenly with height and width, those numbers
can be computed from the shape of the first plane. Anything else depends on the size in a way of its own: the grids that
the smoother reads pictures at, the levels of its pyramid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ..errors import ConfigError
from .builder import infer_shapes

Size = tuple[int, int]
"""Width and height."""

_FIRST = "plane.0"
_PREFIX = "size/"


@dataclass(frozen=True, slots=True)
class _Even:
    """A whole number that is `constant + by_height * H + by_width * W`."""

    constant: Fraction
    by_height: Fraction
    by_width: Fraction

    @property
    def free(self) -> bool:
        """Whether it changes with the size."""
        return bool(self.by_height or self.by_width)

    def __str__(self) -> str:
        terms = [_term(self.by_height, "height"), _term(self.by_width, "width"), _term(self.constant, "")]
        return " + ".join(filter(None, terms))


def _term(factor: Fraction, name: str) -> str:
    """`height`, `2*height`, `height/2`; nothing for none of it."""
    words = [str(factor.numerator) if factor.numerator != 1 or not name else "", name]
    return (
        "*".join(filter(None, words)) + (f"/{factor.denominator}" if factor.denominator != 1 else "") if factor else ""
    )


class _Samples:
    """Values of one thing at the four sizes: low, wide, tall, high."""

    def __init__(self, low: Size, high: Size) -> None:
        self.sizes: list[Size] = [low, (high[0], low[1]), (low[0], high[1]), high]

    def fit(self, values: Sequence[int]) -> _Even | None:
        """The formula that gives these values at these sizes, if there is one."""
        low, wide, tall, _ = values
        (w0, h0), (w1, h1) = self.sizes[0], self.sizes[3]
        by_width = Fraction(wide - low, w1 - w0) if w1 > w0 else Fraction(0)
        by_height = Fraction(tall - low, h1 - h0) if h1 > h0 else Fraction(0)
        even = _Even(low - by_width * w0 - by_height * h0, by_height, by_width)
        fits = all(
            even.constant + even.by_height * h + even.by_width * w == value
            for (w, h), value in zip(self.sizes, values, strict=True)
        )
        return even if fits else None


def dynamic(build: Callable[[int, int], onnx.ModelProto], low: Size, high: Size) -> onnx.ModelProto:
    """One graph for every size from `low` to `high`, width and height, that is a multiple of what the graph is.

    Args:
        build: the frame graph for a width and a height; its shapes inferred.
        low: the smallest size.
        high: the largest.

    Raises:
        ConfigError: the sizes are not a range, or this graph depends on them in a way of its own.
    """
    if not (low[0] <= high[0] and low[1] <= high[1] and low != high):
        raise ConfigError(f"{low[0]}x{low[1]} to {high[0]}x{high[1]} is no range of sizes")
    samples = _Samples(low, high)
    return _Merge([build(*size) for size in samples.sizes], samples).merged()


class _Merge:
    """Graphs of the four sizes becoming one; the first of them is what is changed."""

    def __init__(self, protos: Sequence[onnx.ModelProto], samples: _Samples) -> None:
        self._protos, self._samples = protos, samples
        self._result = onnx.ModelProto()
        self._result.CopyFrom(protos[0])
        self._constants: list[Mapping[str, np.ndarray]] = [
            {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer} for proto in protos
        ]
        self._nodes: list[onnx.NodeProto] = []
        self._made: dict[str, str] = {}

    def merged(self) -> onnx.ModelProto:
        lists = [proto.graph.node for proto in self._protos]
        if len({len(nodes) for nodes in lists}) > 1:
            raise _refusal("its number of steps changes")
        for node, *others in zip(self._result.graph.node, *lists[1:], strict=True):
            self._merge(node, others)
        graph = self._result.graph
        body = list(graph.node)
        graph.ClearField("node")
        graph.node.extend([*self._nodes, *body])
        for field in ("input", "output"):
            for value, *others in zip(
                getattr(graph, field), *(getattr(p.graph, field) for p in self._protos[1:]), strict=True
            ):
                self._free(value, others)
        graph.ClearField("value_info")
        return infer_shapes(self._result)

    def _merge(self, node: onnx.NodeProto, others: Sequence[onnx.NodeProto]) -> None:
        if any(other.op_type != node.op_type or other.attribute != node.attribute for other in others):
            raise _refusal(f"{node.name!r} changes")
        for index, name in enumerate(node.input):
            values = [
                known.get(each.input[index]) for known, each in zip(self._constants, (node, *others), strict=True)
            ]
            arrays = [value for value in values if value is not None]
            if len(arrays) == len(values) and not all(np.array_equal(arrays[0], array) for array in arrays[1:]):
                node.input[index] = self._computed(f"the constant {name!r} of {node.name!r}", arrays)

    def _computed(self, what: str, arrays: Sequence[np.ndarray]) -> str:
        """The name of a value that is one of these arrays, whichever the size is."""
        if any(array.dtype != np.int64 or array.ndim != 1 or len(array) != len(arrays[0]) for array in arrays):
            raise _refusal(f"{what} changes")
        elements = [self._samples.fit([int(array[i]) for array in arrays]) for i in range(len(arrays[0]))]
        parts = [self._element(what, even) for even in elements]
        return self._node("Concat", parts, axis=0) if len(parts) > 1 else parts[0]

    def _element(self, what: str, even: _Even | None) -> str:
        if even is None:
            raise _refusal(f"{what} does not grow evenly")
        total = self._const(int(even.constant)) if even.constant or not even.free else ""
        for factor, axis in ((even.by_height, 0), (even.by_width, 1)):
            term = self._share(factor, axis)
            total = self._node("Add", [total, term]) if total and term else total or term
        return total

    def _share(self, factor: Fraction, axis: int) -> str:
        """A share of the height (axis 0) or width of the first plane; nothing for none."""
        if not factor:
            return ""
        shape = self._node("Shape", [_FIRST])
        side = self._node("Slice", [shape, self._const(axis), self._const(axis + 1)])
        if factor.numerator != 1:
            side = self._node("Mul", [side, self._const(factor.numerator)])
        return self._node("Div", [side, self._const(factor.denominator)]) if factor.denominator != 1 else side

    def _const(self, value: int) -> str:
        name = f"{_PREFIX}const.{value}"
        if name not in self._made:
            self._made[name] = name
            self._result.graph.initializer.append(numpy_helper.from_array(np.array([value], np.int64), name))
        return name

    def _node(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        """The output of a node, the same one for the same inputs."""
        key = repr((op, *inputs))
        if key not in self._made:
            name = self._made[key] = f"{_PREFIX}{op}.{len(self._nodes)}"
            self._nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return self._made[key]

    def _free(self, value: onnx.ValueInfoProto, others: Sequence[onnx.ValueInfoProto]) -> None:
        """Name the dimensions of an input or output that change."""
        shapes = [each.type.tensor_type.shape.dim for each in (value, *others)]
        for dims in zip(*shapes, strict=True):
            even = self._samples.fit([dim.dim_value for dim in dims])
            if even is None:
                raise _refusal(f"the shape of {value.name!r} does not grow evenly")
            if even.free:
                dims[0].dim_param = str(even)


def _refusal(what: str) -> ConfigError:
    return ConfigError(f"this chain has no one graph for a range of sizes, {what} with the size: compile it for each")
