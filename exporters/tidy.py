"""Plain names for a traced graph: by what a node does and the how-many-th of its kind it is.

`input -> conv0 -> relu0 -> conv1 -> … -> output`, weights `conv0.weight` and `conv0.bias`: the same for the same
architecture, whatever the tracer calls things and whatever the weights are. So two models of one architecture can be
compared and mixed by name, and a person can say which convolution is meant.

The tracer merges constants that happen to be equal and drops biases that happen to be zero; here every node has
constants of its own again and every convolution a bias, so that changing one (to quantize, to mix) changes only that.
The tracer's notes, source locations among them, are left out.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from streamsr.errors import ExportError

INPUT, OUTPUT = "input", "output"

_ROLES: dict[str, tuple[str, ...]] = {
    "Conv": ("x", "weight", "bias"),
    "ConvTranspose": ("x", "weight", "bias"),
    "PRelu": ("x", "slope"),
    "Pad": ("x", "pads", "value", "axes"),
    "Resize": ("x", "roi", "scales", "sizes"),
    "Clip": ("x", "min", "max"),
}
"""What the inputs of a node are, for the names of its constants; those of other nodes are numbered."""


def tidied(proto: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The same network under plain names, of one image `input` and one image `output`, height and width free.

    The first input is the image; further ones stay as they are.

    Raises:
        ExportError: the network branches or loops.
    """
    graph = proto.graph
    writer = _Writer(graph)
    nodes = [writer.node(node) for node in graph.node]
    channels = graph.input[0].type.tensor_type.shape.dim[1].dim_value
    image = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, channels, "height", "width"])
    result = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, channels, "height_out", "width_out"])
    tidy = helper.make_graph(nodes, name, [image, *graph.input[1:]], [result], writer.constants)
    return helper.make_model(tidy, opset_imports=list(proto.opset_import))


class _Writer:
    """Copies nodes in order, and knows the new name of every value made so far."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.constants: list[onnx.TensorProto] = []
        self._given = {tensor.name: tensor for tensor in graph.initializer}
        self._names = {value.name: value.name for value in graph.input} | {graph.input[0].name: INPUT}
        self._output = graph.output[0].name
        self._kinds: Counter[str] = Counter()

    def node(self, node: onnx.NodeProto) -> onnx.NodeProto:
        """The node under its new name, with constants of its own."""
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise ExportError(f"the network has a {node.op_type}; one that branches or loops cannot be exported")
        kind = node.op_type.lower()
        name = f"{kind}{self._kinds[kind]}"
        self._kinds[kind] += 1
        inputs = [self._input(read, name, _role(node, index)) for index, read in enumerate(node.input)]
        if node.op_type == "Conv" and len(inputs) == 2 and node.input[1] in self._given:
            inputs.append(self._bias(node, name))
        for index, made in enumerate(node.output):
            self._names[made] = f"{name}.{index}" if index else name
        self._names[self._output] = OUTPUT
        copy = helper.make_node(node.op_type, inputs, [self._names[made] for made in node.output], name)
        copy.attribute.extend(node.attribute)
        return copy

    def _input(self, read: str, name: str, role: str) -> str:
        if read not in self._given:
            return self._names[read] if read else ""
        constant = numpy_helper.to_array(self._given[read])
        self.constants.append(numpy_helper.from_array(constant, f"{name}.{role}"))
        return f"{name}.{role}"

    def _bias(self, node: onnx.NodeProto, name: str) -> str:
        outputs = self._given[node.input[1]].dims[0]
        self.constants.append(numpy_helper.from_array(np.zeros(outputs, np.float32), f"{name}.bias"))
        return f"{name}.bias"


def _role(node: onnx.NodeProto, index: int) -> str:
    roles = _ROLES.get(node.op_type, ())
    return roles[index] if index < len(roles) else str(index)
