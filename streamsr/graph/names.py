"""Renaming a model's values, so that several models can share one graph."""

from __future__ import annotations

import onnx


class Names:
    """Prefixes names, in nested graphs too; bound names become what they are bound to."""

    def __init__(self, prefix: str, bound: dict[str, str]) -> None:
        self._prefix, self._bound = prefix, bound

    def __call__(self, name: str) -> str:
        """The name in the common graph; no name stays none."""
        return self._bound.get(name, self._prefix + name) if name else ""

    def node(self, node: onnx.NodeProto) -> onnx.NodeProto:
        """A renamed copy."""
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        self._rename(copy)
        return copy

    def constant(self, constant: onnx.TensorProto) -> onnx.TensorProto:
        """A renamed copy."""
        copy = onnx.TensorProto()
        copy.CopyFrom(constant)
        copy.name = self(constant.name)
        return copy

    def _rename(self, node: onnx.NodeProto) -> None:
        node.name = self(node.name)
        node.input[:] = [self(name) for name in node.input]
        node.output[:] = [self(name) for name in node.output]
        for attribute in node.attribute:
            for graph in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                self._rename_graph(graph)

    def _rename_graph(self, graph: onnx.GraphProto) -> None:
        for node in graph.node:
            self._rename(node)
        for value in (*graph.input, *graph.output, *graph.initializer):
            value.name = self(value.name)
        del graph.value_info[:]
