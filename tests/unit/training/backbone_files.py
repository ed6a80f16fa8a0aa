"""Backbone files with random weights, and both networks written down a second time, as ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from streamsr.training.backbones import BACKBONES, Backbone, load_backbone

Arrays = dict[str, npt.NDArray[np.float32]]

MEANS = {"vgg19": (103.939, 116.779, 123.68), "squeezenet": (104.0, 117.0, 123.0)}
VGG_CHAIN = ["conv1_1", "conv1_2", "pool", "conv2_1", "conv2_2", "pool", "conv3_1", "conv3_2", "conv3_3", "conv3_4"]
SQUEEZE_CHAIN = [
    "conv1",
    "pool",
    "fire2",
    "fire3",
    "pool",
    "fire4",
    "fire5",
    "pool",
    "fire6",
    "fire7",
    "fire8",
    "fire9",
    "conv10",
]


def random_arrays(kind: str, seed: int = 0) -> Arrays:
    """Weights of the sizes He initialisation gives, so that no layer fades or explodes."""
    rng = np.random.default_rng(seed)
    arrays: Arrays = {}
    for name, tensor in BACKBONES[kind]().state_dict().items():
        fan_in = int(np.prod(tensor.shape[1:]))
        size = (2 / fan_in) ** 0.5 if name.endswith("weight") else 1.0
        arrays[name] = rng.normal(0, size, tuple(tensor.shape)).astype(np.float32)
    return arrays


def random_backbone(kind: str, folder: Path) -> Backbone:
    path = folder / f"{kind}.npz"
    np.savez(path, **random_arrays(kind))  # type: ignore[arg-type, unused-ignore]
    return load_backbone(path)


class _Graph:
    """Appends nodes to a chain that ends in `self.x`; every activation is an output under its layer's name."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[np.float32]]) -> None:
        self.nodes = [helper.make_node("Sub", ["bgr", "mean"], ["x0"])]
        self.weights = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
        self.x = "x0"
        self.outputs: list[str] = []

    def conv(self, source: str, name: str, stride: int, pad: int) -> str:
        sizes = {"strides": [stride] * 2, "pads": [pad] * 4}
        self.nodes += [
            helper.make_node("Conv", [source, f"{name}.weight", f"{name}.bias"], [f"{name}.raw"], **sizes),
            helper.make_node("Relu", [f"{name}.raw"], [f"{name}.out"]),
        ]
        return f"{name}.out"

    def pool(self, size: int, ceil: int) -> None:
        name = f"p{len(self.nodes)}"
        shape = {"kernel_shape": [size] * 2, "strides": [2, 2], "ceil_mode": ceil}
        self.nodes.append(helper.make_node("MaxPool", [self.x], [name], **shape))
        self.x = name

    def fire(self, name: str) -> None:
        narrow = self.conv(self.x, f"{name}.squeeze1x1", 1, 0)
        sides = [self.conv(narrow, f"{name}.expand1x1", 1, 0), self.conv(narrow, f"{name}.expand3x3", 1, 1)]
        self.nodes.append(helper.make_node("Concat", sides, [f"{name}.out"], axis=1))
        self.x = f"{name}.out"


def run_by_onnxruntime(kind: str, arrays: Arrays, rgb: npt.NDArray[np.float32]) -> Arrays:
    """Activations (behind the ReLU) of every convolution or fire module, by name, of `(N, 3, H, W)` in [0, 1]."""
    graph = _Graph(arrays)
    for name in VGG_CHAIN if kind == "vgg19" else SQUEEZE_CHAIN:
        if name == "pool":
            graph.pool(*((2, 0) if kind == "vgg19" else (3, 1)))
        elif name.startswith("fire"):
            graph.fire(name)
        else:
            pad, stride = int(kind == "vgg19"), 2 if name == "conv1" else 1
            graph.x = graph.conv(graph.x, name, stride, pad)
        if name != "pool":
            graph.outputs.append(f"{name}.out")
    mean = np.array(MEANS[kind], np.float32).reshape(1, 3, 1, 1)
    onnx_graph = helper.make_graph(
        graph.nodes,
        kind,
        [helper.make_tensor_value_info("bgr", TensorProto.FLOAT, rgb.shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "c", f"h.{name}", f"w.{name}"])
            for name in graph.outputs
        ],
        [*graph.weights, numpy_helper.from_array(mean, "mean")],
    )
    model = helper.make_model(onnx_graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = session.run(None, {"bgr": np.ascontiguousarray(rgb[:, ::-1] * np.float32(255))})
    return {name.removesuffix(".out"): value for name, value in zip(graph.outputs, values, strict=True)}


def picture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    """`(1, 3, H, W)` RGB in [0, 1]: noise at several scales, as busy as a photograph."""
    rng = np.random.default_rng(seed)
    layers = [np.kron(rng.random((3, -(-height // s), -(-width // s))), np.ones((1, s, s))) for s in (1, 2, 4, 8, 16)]
    total = sum(layer[:, :height, :width] for layer in layers) / len(layers)
    return torch.from_numpy(np.asarray(total, np.float32))[None]
