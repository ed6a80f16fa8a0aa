"""Plain luma networks written node by node, as the exporter writes them."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from exporters.onnx import OPSET, seal
from streamsr.spec import ModelSpec

Kernel = tuple[np.ndarray, np.ndarray]


def plain_model(kernels: list[Kernel], spec: ModelSpec) -> onnx.ModelProto:
    """`input -> conv0 -> relu0 -> … -> + input -> DepthToSpace -> output` of 3x3 weights and biases."""
    nodes, weights, value = [], [], "input"
    for index, (weight, bias) in enumerate(kernels):
        name = f"conv{index}"
        weights += [numpy_helper.from_array(weight, f"{name}.weight"), numpy_helper.from_array(bias, f"{name}.bias")]
        inputs = [value, f"{name}.weight", f"{name}.bias"]
        nodes.append(helper.make_node("Conv", inputs, [name], name, kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
        value = name
        if index < len(kernels) - 1:
            value = f"relu{index}"
            nodes.append(helper.make_node("Relu", [name], [value], value))
    nodes.append(helper.make_node("Add", [value, "input"], ["add0"], "add0"))
    nodes.append(helper.make_node("DepthToSpace", ["add0"], ["output"], "shuffle", blocksize=spec.scale, mode="CRD"))
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 1, "height", "width"])
    result = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, "height_out", "width_out"])
    graph = helper.make_graph(nodes, spec.name, [image], [result], weights)
    return seal(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)]), spec)
