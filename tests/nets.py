"""Tiny networks for tests: every pattern a frame graph must cope with, at a size that runs in milliseconds."""

from __future__ import annotations

from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from streamsr.graph import Model
from streamsr.spec import METADATA_KEY, ModelSpec

Colour = Literal["luma", "rgb"]


class Net:
    """Writes one network: `x` is the value the next layer reads."""

    def __init__(self, color: Colour, seed: int = 0, opset: int = 18) -> None:
        self.channels = 1 if color == "luma" else 3
        self.x = "image"
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, np.ndarray] = {}
        self._opset = opset
        self._random = np.random.default_rng(seed)

    def const(self, array: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = array
        return name

    def op(self, kind: str, *inputs: str, **attributes) -> str:
        self.x = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [self.x], **attributes))
        return self.x

    def kernel(self, out: int, channels: int, gain: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Random 3x3 weights around a blur, so that pictures stay pictures."""
        weight = self._random.normal(0, 0.1, (out, channels, 3, 3))
        weight[:, :, 1, 1] += 1 / channels
        return (gain * weight).astype(np.float32), self._random.normal(0, 0.05, out).astype(np.float32)

    def conv(self, out: int, channels: int, gain: float = 1.0) -> str:
        weight, bias = self.kernel(out, channels, gain)
        return self.op("Conv", self.x, self.const(weight), self.const(bias), kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    def proto(self, size: tuple[int | str, int | str] = ("height", "width")) -> onnx.ModelProto:
        nodes = [*self.nodes, helper.make_node("Identity", [self.x], ["result"])]
        given = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, self.channels, *size])
        result = helper.make_tensor_value_info("result", TensorProto.FLOAT, [1, self.channels, None, None])
        constants = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        graph = helper.make_graph(nodes, "net", [given], [result], constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self._opset)], ir_version=8)


def model(net: Net, name: str, scale: int = 1, halo: int = 0, multiple_of: int = 1) -> Model:
    """A network with its spec, as an exporter writes it."""
    color: Colour = "luma" if net.channels == 1 else "rgb"
    spec = ModelSpec(name, "sr" if scale > 1 else "restore", scale, color, halo, multiple_of)
    proto = net.proto()
    helper.set_model_props(proto, {METADATA_KEY: spec.to_json()})
    return Model(spec, proto)


def identity(color: Colour = "luma", multiple_of: int = 1) -> Model:
    """A network that returns its input."""
    net = Net(color)
    net.op("Identity", net.x)
    return model(net, f"identity-{color}", multiple_of=multiple_of)


def nearest(color: Colour = "luma", scale: int = 2) -> Model:
    """Every pixel repeated."""
    net = Net(color)
    factors = net.const(np.array([1, 1, scale, scale], np.float32))
    net.op(
        "Resize", net.x, "", factors, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )
    return model(net, f"nearest-{color}", scale)


def small(
    color: Colour = "luma",
    scale: int = 2,
    *,
    width: int = 8,
    layers: int = 3,
    residual: bool = True,
    clip: bool = False,
    mode: Literal["CRD", "DCR"] = "CRD",
    seed: int = 0,
) -> Model:
    """`Conv, Relu, …, Conv, (Add image), DepthToSpace, (Clip)`: how light super-resolution networks look.

    The residual path repeats the picture's channels; one luma channel is broadcast.
    """
    net = Net(color, seed)
    channels = net.channels
    for i in range(layers - 1):
        net.conv(width, channels if i == 0 else width)
        net.op("Relu", net.x)
    net.conv(channels * scale**2, width if layers > 1 else channels, 0.1 if residual else 1.0)
    if residual:
        _add_image(net, scale, mode)
    if scale > 1:
        net.op("DepthToSpace", net.x, blocksize=scale, mode=mode)
    if clip:
        net.op("Clip", net.x, net.const(np.array(0, np.float32)), net.const(np.array(1, np.float32)))
    return model(net, f"small-{color}-x{scale}", scale, halo=layers)


def rgb_sr_net(channels: int, convs: int, scale: int) -> Model:
    """A plain RGB super-resolution network of the given width and depth."""
    return small("rgb", scale, width=channels, layers=convs, residual=False)


def _add_image(net: Net, scale: int, mode: str) -> None:
    body, image = net.x, "image"
    if net.channels > 1 and scale > 1:
        order = np.repeat(np.arange(3), scale**2) if mode == "CRD" else np.tile(np.arange(3), scale**2)
        image = net.op("Gather", "image", net.const(order.astype(np.int64)), axis=1)
    net.op("Add", body, image)
