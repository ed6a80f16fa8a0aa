"""Checkpoint -> ONNX: the collapsed network, written node by node and checked against torch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from streamsr import __version__
from streamsr.errors import ExportError, MissingDependencyError
from streamsr.spec import METADATA_KEY, ModelSpec

if TYPE_CHECKING:
    from streamsr.training.checkpoint import Checkpoint

OPSET = 18
IR_VERSION = 10
"""The oldest that holds opset 18 and int8 graphs, so that released runtimes read it."""
INPUT, OUTPUT = "input", "output"
TOLERANCE = 1e-3
"""Largest difference allowed between torch and the exported model, of values in [0, 1]."""

Kernel = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


def export_onnx(checkpoint: Path, target: Path, **about: Any) -> ModelSpec:
    """Write the model of `checkpoint` to `target`; `about` fills fields of its `ModelSpec` (name, licence, …).

    The graph is `input -> Conv -> Relu -> … -> Conv -> Add(input) -> DepthToSpace -> output`, height and width free.

    Raises:
        ModelError: the checkpoint is damaged.
        ExportError: the architecture has no plain form, or ONNX Runtime and torch disagree.
        MissingDependencyError: torch is not installed.
    """
    saved, model = _load(checkpoint)
    if not hasattr(model, "collapse"):
        raise ExportError(f"{checkpoint}: generator {saved.generator!r} does not collapse to plain convolutions")
    kernels = [(conv.weight.detach().numpy(), conv.bias.detach().numpy()) for conv in model.collapse()]
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    facts = {
        "name": target.stem,
        "color": "luma",
        "scale": model.config.scale,
        "halo": model.halo,
        "description": f"{saved.generator} {saved.config}",
        "checkpoint_sha256": digest,
        "exporter": f"streamsr {__version__}",
    }
    spec = ModelSpec(**(facts | about))
    proto = plain_model(kernels, spec)
    check_parity(proto, model)
    target.write_bytes(proto.SerializeToString())
    return spec


def plain_model(kernels: list[Kernel], spec: ModelSpec) -> onnx.ModelProto:
    """The ONNX of a plain luma network: 3x3 convolutions with ReLU between, input added, channels to pixels.

    `kernels` are `(out, in, 3, 3)` weights and `(out,)` biases; the last has `scale**2` outputs.
    """
    nodes, weights, value = [], [], INPUT
    for index, (weight, bias) in enumerate(kernels):
        name = f"conv{index}"
        weights += [numpy_helper.from_array(weight, f"{name}.weight"), numpy_helper.from_array(bias, f"{name}.bias")]
        inputs = [value, f"{name}.weight", f"{name}.bias"]
        nodes.append(helper.make_node("Conv", inputs, [name], name, kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
        value = name
        if index < len(kernels) - 1:
            nodes.append(helper.make_node("Relu", [name], [f"relu{index}"], f"relu{index}"))
            value = f"relu{index}"
    nodes.append(helper.make_node("Add", [value, INPUT], ["residual"], "residual"))
    nodes.append(helper.make_node("DepthToSpace", ["residual"], [OUTPUT], "shuffle", blocksize=spec.scale, mode="CRD"))
    image = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, 1, "height", "width"])
    result = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, 1, "height_out", "width_out"])
    graph = helper.make_graph(nodes, spec.name, [image], [result], weights)
    return seal(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)]), spec)


def seal(proto: onnx.ModelProto, spec: ModelSpec) -> onnx.ModelProto:
    """Write `spec` into the model's metadata, fix its IR version, and check it."""
    proto.ir_version = IR_VERSION
    proto.producer_name, proto.producer_version = "streamsr", __version__
    del proto.metadata_props[:]
    helper.set_model_props(proto, {METADATA_KEY: spec.to_json()})
    onnx.checker.check_model(proto, full_check=True)
    return proto


def check_parity(proto: onnx.ModelProto, model: Any) -> float:
    """The largest difference between `model` (torch) and `proto` in ONNX Runtime, on a ramp, noise, and one thin row.

    Raises:
        ExportError: it is above `TOLERANCE`.
    """
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 1, 31 * 45, dtype=np.float32).reshape(1, 1, 31, 45)
    worst = 0.0
    for image in (ramp, rng.random((1, 1, 48, 64), dtype=np.float32), np.ones((1, 1, 1, 7), np.float32)):
        with torch.no_grad():
            expected = model(torch.from_numpy(image)).numpy()
        worst = max(worst, float(np.abs(session.run(None, {INPUT: image})[0] - expected).max()))
    if not worst <= TOLERANCE:
        raise ExportError(f"the exported model differs from torch by {worst:.2g}, more than {TOLERANCE:.0e}")
    return worst


def _load(path: Path) -> tuple[Checkpoint, Any]:
    try:
        from streamsr.training.checkpoint import load_checkpoint
    except ImportError as error:
        raise MissingDependencyError(error.name or "torch", "train", "exporting a checkpoint") from error
    saved = load_checkpoint(path)
    return saved, saved.build()
