"""Editing a finished graph: who makes a value, who reads it, and how to put something else in its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from .model import dims

Array = npt.NDArray[Any]


class Rewriter:
    """A graph whose nodes may be in any order while it is edited; `finish` sorts them and drops what is not used.

    Rules build new values beside the old ones and then `redirect` the readers; what a rule leaves behind that no output
    needs is dropped by `prune`.
    """

    def __init__(self, proto: onnx.ModelProto) -> None:
        self._proto = onnx.ModelProto()
        self._proto.CopyFrom(proto)
        self.nodes: list[onnx.NodeProto] = list(self._proto.graph.node)
        self._constants = {constant.name: constant for constant in proto.graph.initializer}
        values = (*proto.graph.value_info, *proto.graph.input, *proto.graph.output)
        self._shapes = {value.name: dims(value) for value in values}
        self._count = 0
        self._changed = True
        self._index()
        self._bypass_identities()
        self.prune()

    def _index(self) -> None:
        self._producer = {name: node for node in self.nodes for name in node.output if name}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(_read(node)):
                self._readers.setdefault(name, []).append(node)
        self._outputs = {value.name for value in self._proto.graph.output}

    def producer(self, name: str) -> onnx.NodeProto | None:
        """The node that makes a value; None for inputs and constants."""
        return self._producer.get(name)

    def readers(self, name: str) -> list[onnx.NodeProto]:
        """The nodes that read a value."""
        return self._readers.get(name, [])

    def private(self, name: str) -> bool:
        """Whether a value has one reader and is not an output of the graph: changing it changes nothing else."""
        return len(self.readers(name)) == 1 and name not in self._outputs

    def value(self, name: str) -> Array | None:
        """The value of a constant; None for anything else."""
        if name in self._constants:
            return numpy_helper.to_array(self._constants[name])
        node = self.producer(name)
        if node is not None and node.op_type == "Constant" and node.attribute[0].name == "value":
            return numpy_helper.to_array(node.attribute[0].t)
        return None

    def shape(self, name: str) -> list[int] | None:
        """The shape of a value the graph came with, where inference found all of it."""
        shape = self._shapes.get(name)
        return [size for size in shape if size] if shape and all(shape) else None

    def scalar(self, name: str) -> float | None:
        """The value of a constant with a single element."""
        value = self.value(name)
        return float(value.reshape(())) if value is not None and value.size == 1 else None

    def const(self, value: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """A new constant."""
        name = self._fresh("const")
        self._constants[name] = numpy_helper.from_array(np.asarray(value, dtype), name)
        return name

    def add(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        """A new node with one output; returns the output's name."""
        name = self._fresh(op)
        self._insert(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def shaped(self, name: str, shape: Sequence[int]) -> str:
        """Tell the shape of a new value, for the rules that come after; returns its name."""
        self._shapes[name] = list(shape)
        return name

    def copy(self, node: onnx.NodeProto, inputs: Sequence[str]) -> str:
        """The same operation on other inputs; returns the name of its output."""
        twin = onnx.NodeProto()
        twin.CopyFrom(node)
        twin.name = self._fresh(node.op_type)
        twin.input[:] = inputs
        twin.output[:] = [twin.name]
        self._insert(twin)
        return twin.name

    def redirect(self, old: str, new: str, readers: Iterable[onnx.NodeProto] | None = None) -> None:
        """Let readers of one value (all of them, unless given) read another."""
        for node in list(self.readers(old) if readers is None else readers):
            node.input[:] = [new if name == old else name for name in node.input]
        self._index()
        self._changed = True

    def pass_on(self, node: onnx.NodeProto, name: str) -> None:
        """Let a node hand on a value as it is, in place of what it did; its output may be one of the graph's."""
        del node.attribute[:]
        node.op_type, node.input[:] = "Identity", [name]
        self._index()
        self._changed = True

    def prune(self) -> None:
        """Drop nodes that no output needs, if any were added or left since the last time."""
        if not self._changed:
            return
        self.nodes = list(self._sorted())
        self._index()
        self._changed = False

    def finish(self) -> onnx.ModelProto:
        """The edited model: sorted, without what no output needs, without value shapes (infer them anew)."""
        self.prune()
        used = {name for node in self.nodes for name in _read(node)}
        constants = [constant for name, constant in self._constants.items() if name in used]
        proto, graph = onnx.ModelProto(), onnx.GraphProto()
        proto.CopyFrom(self._proto)
        graph.CopyFrom(self._proto.graph)
        for field, values in (("node", self.nodes), ("initializer", constants), ("value_info", [])):
            graph.ClearField(field)
            getattr(graph, field).extend(values)
        proto.graph.CopyFrom(graph)
        return proto

    def _bypass_identities(self) -> None:
        """Let every reader read what an Identity reads; those that name an output of the graph stay."""
        for node in [n for n in self.nodes if n.op_type == "Identity" and n.output[0] not in self._outputs]:
            if all(node.output[0] in reader.input for reader in self.readers(node.output[0])):
                self.redirect(node.output[0], node.input[0])

    def _sorted(self) -> Iterator[onnx.NodeProto]:
        """Nodes that the outputs depend on, each after those it reads from."""
        done: set[str] = set()
        stack = [(name, False) for name in reversed([value.name for value in self._proto.graph.output])]
        while stack:
            name, ready = stack.pop()
            node = self.producer(name)
            if node is None or node.output[0] in done:
                continue
            if ready:
                done.update(name for name in node.output if name)
                done.add(node.output[0])
                yield node
            else:
                stack.append((name, True))
                stack.extend((read, False) for read in _read(node))

    def _insert(self, node: onnx.NodeProto) -> None:
        self._changed = True
        self.nodes.append(node)
        self._producer[node.output[0]] = node
        for name in dict.fromkeys(_read(node)):
            self._readers.setdefault(name, []).append(node)

    def _fresh(self, stem: str) -> str:
        while True:
            self._count += 1
            name = f"folded/{stem}.{self._count}"
            if name not in self._producer and name not in self._constants:
                return name


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes as Python values."""
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _read(node: onnx.NodeProto) -> Iterator[str]:
    """Names a node reads, those captured by nested graphs included."""
    yield from (name for name in node.input if name)
    for graph in _nested(node):
        for inner in graph.node:
            yield from _read(inner)
        yield from (value.name for value in graph.output)


def _nested(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
