"""Constants that several nodes read, one copy for each: so that changing one node's weights changes only that node."""

from __future__ import annotations

import onnx


def unshared(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The same network where no two nodes, and no two inputs of a node, read the same initializer.

    The first reader keeps the name; the others' copies are called after their node. Only the main graph is looked at.
    """
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    constants = {tensor.name: tensor for tensor in proto.graph.initializer}
    taken = set(constants) | {name for node in proto.graph.node for name in node.output}
    read: set[str] = set()
    for node in result.graph.node:
        for index, name in enumerate(node.input):
            if name in constants and name in read:
                copy = onnx.TensorProto()
                copy.CopyFrom(constants[name])
                copy.name = node.input[index] = _fresh(f"{node.output[0]}.{index}", taken)
                result.graph.initializer.append(copy)
            read.add(name)
    return result


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "'"
    taken.add(name)
    return name
