"""Generators to ONNX: traced by torch, given plain names, checked against torch."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from streamsr import __version__
from streamsr.errors import ExportError, MissingDependencyError
from streamsr.graph.model import CONTROLS, MODEL_BYTES_MAX
from streamsr.spec import METADATA_KEY, ModelSpec, least_side

from .tidy import INPUT, OUTPUT, tidied

if TYPE_CHECKING:
    from streamsr.generators.base import Generator
    from streamsr.training.checkpoint import Checkpoint

Floats = npt.NDArray[np.float32]

OPSET = 18
IR_VERSION = 10
"""The oldest that holds opset 18 and int8 graphs, so that released runtimes read it."""
TOLERANCE = 1e-3
"""Largest difference allowed between torch and the exported model, of values in [0, 1]."""

_TRACED_SIZE = 24, 40
"""Height and width of the picture that is traced; the exported model takes any."""
_CHECKED_SIZES = (31, 45), (48, 64), (1, 7)


def export_generator(generator: Generator, target: Path, spec: ModelSpec, verify: bool = True) -> ModelSpec:
    """Write `generator` to `target` as a model: whole or not at all, replacing what is there.

    Args:
        generator: any generator, with the weights it is to have; its `deploy()` is what is exported.
        target: the `.onnx` file.
        spec: name, licence and so on; what the generator itself knows (scale, colour, halo) is filled in.
        verify: compare the file's results with the generator's.

    Returns:
        The complete spec, as it is in the file.

    Raises:
        ExportError: the network cannot be traced, is too large for a file, or ONNX Runtime and torch disagree.
        MissingDependencyError: torch or onnxscript is not installed.
    """
    proto, spec = to_onnx(generator, spec)
    if verify:
        check_parity(proto, generator)
    write_model(proto, target)
    return spec


def read_checkpoint(path: Path) -> tuple[Generator, ModelSpec]:
    """The generator of a checkpoint, and what is known about it: the start of a spec, named after the file.

    Raises:
        ModelError: the checkpoint is damaged.
        MissingDependencyError: torch is not installed.
    """
    saved = _load(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    spec = ModelSpec(path.stem, description=f"{saved.generator} {saved.config}", checkpoint_sha256=digest)
    return saved.build(), spec


def to_onnx(generator: Generator, spec: ModelSpec) -> tuple[onnx.ModelProto, ModelSpec]:
    """The generator as an ONNX model of one image `(1, C, height, width)`, height and width free, and its spec.

    A conditional one has the inputs `CONTROLS` besides.

    Raises:
        ExportError: the network cannot be traced.
        MissingDependencyError: torch or onnxscript is not installed.
    """
    spec = replace(
        spec,
        task=generator.task,
        scale=generator.scale,
        color=generator.color,
        halo=generator.halo,
        multiple_of=generator.multiple_of,
        conditioning=generator.conditioning,
        exporter=f"streamsr {__version__}",
    )
    return seal(tidied(_traced(generator.deploy().eval(), generator), spec.name), spec), spec


def seal(proto: onnx.ModelProto, spec: ModelSpec) -> onnx.ModelProto:
    """Write `spec` into the model's metadata, fix its IR version, and check it."""
    proto.ir_version = IR_VERSION
    proto.producer_name, proto.producer_version = "streamsr", __version__
    del proto.metadata_props[:]
    helper.set_model_props(proto, {METADATA_KEY: spec.to_json()})
    onnx.checker.check_model(proto, full_check=True)
    return proto


def check_parity(proto: onnx.ModelProto, generator: Generator) -> float:
    """The largest difference between torch and ONNX Runtime, on a ramp, on noise, and on one thin white row.

    Raises:
        ExportError: it is above `TOLERANCE` (times the largest value, where that is more than 1).
    """
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    network = generator.eval()
    worst, peak = 0.0, 1.0
    for image, controls in product(_pictures(generator), _controls(generator)):
        with torch.no_grad():
            expected = network(*map(torch.from_numpy, (image, *controls))).numpy()
        result = session.run(None, dict(zip((INPUT, *CONTROLS), (image, *controls), strict=False)))[0]
        if result.shape != expected.shape:
            raise ExportError(f"the exported model makes {result.shape} of {image.shape}, torch {expected.shape}")
        worst = max(worst, float(np.abs(result - expected).max()))
        peak = max(peak, float(np.abs(expected).max()))
    if not worst <= TOLERANCE * peak:
        raise ExportError(f"the exported model differs from torch by {worst:.2g}, more than {TOLERANCE * peak:.0e}")
    return worst


def write_model(proto: onnx.ModelProto, target: Path) -> None:
    """Write a model: `target` holds the old file or the whole new one, never a part.

    Raises:
        ExportError: it is larger than a file of this kind can be.
    """
    if proto.ByteSize() > MODEL_BYTES_MAX:
        raise ExportError(f"{target}: {proto.ByteSize()} bytes is more than a model file can have")
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(proto.SerializeToString())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _pictures(generator: Generator) -> Iterator[Floats]:
    noise = np.random.default_rng(0)
    multiple, least = generator.multiple_of, least_side(generator.multiple_of)
    sizes = [[max(-(-side // multiple) * multiple, least) for side in size] for size in _CHECKED_SIZES]
    ramp, random, row = ((1, _channels(generator), *size) for size in sizes)
    yield np.linspace(0, 1, int(np.prod(ramp)), dtype=np.float32).reshape(ramp)
    yield noise.random(random, dtype=np.float32)
    yield np.ones(row, np.float32)


def _controls(generator: Generator) -> Iterator[tuple[Floats, ...]]:
    """What to tell a generator: mixes of all the names it knows, then each alone; nothing, once, if it knows none."""
    count = len(generator.conditioning)
    if not count:
        yield ()
        return
    for strength in (1.0, 0.6, 0.0):
        yield np.full((1, count), 1 / count, np.float32), np.full((1, 1), strength, np.float32)
    for weights in np.eye(count, dtype=np.float32):
        yield weights[None], np.ones((1, 1), np.float32)


def _channels(generator: Generator) -> int:
    return 1 if generator.color == "luma" else 3


def _traced(network: Any, generator: Generator) -> onnx.ModelProto:
    try:
        import onnxscript  # noqa: F401  # torch's exporter is built on it
        import torch
    except ImportError as error:
        raise MissingDependencyError(error.name or "torch", "train", "exporting a generator") from error
    free = torch.export.Dim.DYNAMIC
    controls = [torch.from_numpy(values) for values in next(_controls(generator))]
    with _quiet():
        try:
            program = torch.onnx.export(
                network,
                (torch.zeros(1, _channels(generator), *_TRACED_SIZE), *controls),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT, *CONTROLS[: len(controls)]],
                output_names=[OUTPUT],
                dynamic_shapes=({2: free, 3: free}, *[None] * len(controls)),
                external_data=False,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            raise ExportError(f"{type(network).__name__} cannot be traced: {_reason(error)}") from error
    if program is None:
        raise ExportError(f"{type(network).__name__} cannot be traced")
    return program.model_proto


def _reason(error: BaseException) -> str:
    """The first line of the error at the root of a chain of errors."""
    while error.__cause__ is not None:
        error = error.__cause__
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch's exporter says about itself: deprecations in its own code, packages it could also use."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(level)


def _load(path: Path) -> Checkpoint:
    try:
        from streamsr.training.checkpoint import load_checkpoint
    except ImportError as error:
        raise MissingDependencyError(error.name or "torch", "train", "exporting a checkpoint") from error
    return load_checkpoint(path)
