"""A third-party checkpoint becomes a model: read, recognise, export, compare, write."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from streamsr.errors import MissingDependencyError, ModelError
from streamsr.graph.receptive import receptive_radius
from streamsr.spec import HALO_MAX, ModelSpec

from ..onnx import check_parity, seal, to_onnx, write_model

if TYPE_CHECKING:
    from .recognise import Recognised


def import_checkpoint(
    source: Path, target: Path, spec: ModelSpec | None = None, activation: str | None = None
) -> ModelSpec:
    """Write the network of the checkpoint `source` to `target` as a model: whole or not at all.

    Args:
        source: `.pth`, `.pt`, `.ckpt` or `.safetensors`, by whoever; nothing in it is executed.
        target: the `.onnx` file; replaced if it is there.
        spec: name, licence and so on; what the checkpoint tells (scale, colour, halo, hash) is filled in.
        activation: "relu" or "leakyrelu", for a Compact network without PReLU.

    Returns:
        The complete spec, as it is in the file; its description says what was recognised.

    Raises:
        OpenError: the file cannot be opened.
        ModelError: it is not a checkpoint, damaged, or of an architecture nobody knows.
        ExportError: the network cannot be traced, or ONNX Runtime and torch disagree.
        MissingDependencyError: torch is not installed, or spandrel for an architecture that is not ours.
    """
    found = _recognised(source, activation)
    spec = replace(
        spec or ModelSpec(target.stem),
        description=f"{found.architecture} {_facts(found)}, imported from {source.name}",
        checkpoint_sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
    )
    proto, spec = to_onnx(found.generator, spec)
    if not found.native:
        spec = replace(spec, halo=min(receptive_radius(proto), HALO_MAX))
        proto = seal(proto, spec)
    check_parity(proto, found.generator)
    write_model(proto, target)
    return spec


def _recognised(source: Path, activation: str | None) -> Recognised:
    try:
        from .reading import read_tensors
        from .recognise import recognise
    except ImportError as error:
        raise MissingDependencyError(error.name or "torch", "import", "reading a third-party checkpoint") from error
    if source.suffix == ".onnx":
        raise ModelError(f"{source} is an ONNX model already: use it as it is, with --model")
    tensors = read_tensors(source)
    try:
        return recognise(tensors, activation)
    except ModelError as error:
        raise ModelError(f"{source}: {error}") from error


def _facts(found: Recognised) -> str:
    config = found.generator.config
    sizes = f", {config.width} channels, depth {config.depth}" if found.native else ""
    return f"x{found.generator.scale}{sizes}"
