"""The ends of a network: the convolutions nearest to its picture on either side."""

from __future__ import annotations

from collections.abc import Iterable

import onnx

from streamsr.graph.model import CONTROLS


def end_convolutions(proto: onnx.ModelProto) -> set[str]:
    """Names of the Conv nodes with no other Conv between them and the picture, or between them and an output."""
    graph = proto.graph
    forward = ((node, node.input, node.output) for node in graph.node)
    backward = ((node, node.output, node.input) for node in reversed(graph.node))
    return {
        *_first({value.name for value in graph.input}.difference(CONTROLS), forward),
        *_first({value.name for value in graph.output}, backward),
    }


def _first(reached: set[str], nodes: Iterable[tuple[onnx.NodeProto, Iterable[str], Iterable[str]]]) -> set[str]:
    """The convolutions met first on the ways from `reached`, along nodes in order: (node, its near side, its far)."""
    found = set()
    for node, near, far in nodes:
        if reached.isdisjoint(near):
            continue
        if node.op_type == "Conv":
            found.add(node.name)
        else:
            reached.update(far)
    return found
