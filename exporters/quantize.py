"""Post-training quantization to int8: equalize, calibrate on real images, correct biases, write QDQ, check."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from streamsr.errors import ExportError, UnknownNameError
from streamsr.graph.model import load_model
from streamsr.spec import ModelSpec

from .bias import corrected
from .calibrate import LEVELS, Range, observe
from .ends import end_convolutions
from .equalize import equalized
from .onnx import seal, write_model
from .qdq import quantizable, with_qdq
from .ranges import best_ranges, pictures
from .samples import Sample, told
from .unshare import unshared

Floats = npt.NDArray[np.float32]

PSNR_FLOOR = 38.0
"""dB between the float and the int8 model's pictures, peak 1, below which quantization has failed."""


def quantize(source: Path, target: Path, images: Iterable[Floats], keep_float: Collection[str] = ()) -> ModelSpec:
    """Write the int8 form of the model `source` to `target`; its name gains `.int8`.

    Every convolution with constant weights is quantized, except those whose node is named in `keep_float` (and any
    that read the same values), and, of a model of RGB, those at its ends: a frame graph composes them with the
    conversion of colours, which saves more than their integers would. The model's own input, [0, 1] by contract, gets
    the scale 1/255: frames of 8 bits lose nothing there.

    Args:
        source: an ONNX model of one image input; a conditional one is calibrated on all that it can be told.
        target: the file to write.
        images: calibration images of the kind the model will see, float32 `(1, C, H, W)` in [0, 1]; some dozens.
        keep_float: names of Conv nodes to leave alone.

    Raises:
        ModelError: `source` is not an image-to-image ONNX model.
        UnknownNameError: a name of `keep_float` is no convolution of the model.
        ExportError: no images, nothing to quantize, a model that is quantized already, or the int8 picture is below
            `PSNR_FLOOR`.
    """
    model = load_model(source)
    samples = told(images, len(model.spec.conditioning))
    proto = unshared(model.proto)
    _check_subject(proto, source, keep_float)
    kept = {*keep_float, *(end_convolutions(proto) if model.spec.color == "rgb" else ())}
    convs = [node for node in proto.graph.node if node.op_type == "Conv"]
    everything = sorted({node.input[0] for node in convs})
    inputs = sorted({*everything} - {node.input[0] for node in convs if node.name in kept})
    proto = equalized(proto, observe(proto, everything, samples))
    ranges = best_ranges(proto, inputs, samples)
    if not any(quantizable(proto, node, ranges) for node in proto.graph.node):
        raise ExportError(f"{source} has no convolution with constant weights left to quantize")
    ranges |= {value.name: Range(1 / LEVELS) for value in proto.graph.input if value.name in ranges}
    spec = replace(model.spec, name=f"{model.spec.name}.int8")
    result = seal(with_qdq(corrected(proto, ranges, samples), ranges), spec)
    _check(proto, result, samples)
    write_model(result, target)
    return spec


def _check_subject(proto: onnx.ModelProto, source: Path, keep_float: Collection[str]) -> None:
    if any(node.op_type == "QuantizeLinear" for node in proto.graph.node):
        raise ExportError(f"{source} is quantized already; quantize the float model it was made from")
    known = {node.name for node in proto.graph.node if node.op_type == "Conv"}
    for name in keep_float:
        if name not in known:
            raise UnknownNameError("convolution", name, known)


def _check(proto: onnx.ModelProto, quantized: onnx.ModelProto, samples: Sequence[Sample]) -> None:
    pairs = zip(pictures(proto, samples), pictures(quantized, samples), strict=True)
    error = float(np.mean([np.mean((expected - actual) ** 2) for expected, actual in pairs]))
    if not error <= 10 ** (-PSNR_FLOOR / 10):
        psnr = -10 * np.log10(error)
        raise ExportError(f"the int8 model's picture is {psnr:.1f} dB from the float one's, below {PSNR_FLOOR:g} dB")
