"""Read the tensors of a checkpoint by anyone: no code of the file is run, and no size in it is believed."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from streamsr.errors import ModelError, OpenError

BYTES_MAX = 1 << 30
"""Of a file, and of what is compressed in it: several times the largest network that runs in real time."""
ELEMENTS_MAX = 1 << 28
"""Of all tensors together. A tensor's shape costs a file nothing: it may repeat one number."""
TENSORS_MAX = 20_000

WRAPPERS = ("params_ema", "params-ema", "params", "state_dict", "model_state_dict", "model", "net")
"""Keys under which training frameworks put the weights; the averaged ones first."""
PREFIXES = ("module.", "netG.")
"""What they put before the name of every tensor."""

Tensors = dict[str, Tensor]


def read_tensors(path: Path) -> Tensors:
    """The named tensors of a `.safetensors` file or a pickle of torch (`.pth`, `.pt`, `.ckpt`), real ones as float32.

    Raises:
        OpenError: the file cannot be opened.
        ModelError: it holds code, no tensors, too many or too large ones, or numbers that are not finite; or it is
            damaged.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise OpenError(f"{path}: {error.strerror}") from error
    if size > BYTES_MAX:
        raise ModelError(f"{path}: {size} bytes is more than a checkpoint of a real-time network can have")
    content = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    tensors = {name: value for name, value in _unwrapped(content).items() if isinstance(value, Tensor)}
    if not tensors:
        raise ModelError(f"{path} holds no named tensors: it is not a checkpoint of weights")
    _check(path, tensors)
    return {name: _plain(tensor) for name, tensor in _without_prefix(tensors).items()}


def _safetensors(path: Path) -> Mapping[str, Any]:
    try:
        with safe_open(path, framework="pt") as file:
            if "streamsr" in (file.metadata() or {}):
                raise ModelError(f"{path} is a checkpoint of streamsr: use `streamsr export`")
        return load_file(path)
    except SafetensorError as error:
        raise ModelError(f"{path} is not a safetensors file, or damaged: {error}") from error


def _pickled(path: Path) -> Mapping[str, Any]:
    _check_archive(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = "it refers to Python code, which is never run" if "Weights only" in str(error) else "it is damaged"
        raise ModelError(f"{path} cannot be read: {reason}; ask for a .safetensors file") from error
    except Exception as error:  # whatever a damaged pickle makes of its reader
        raise ModelError(f"{path} is not a checkpoint of torch, or damaged: {_first_line(error)}") from error
    if not isinstance(content, Mapping):
        raise ModelError(f"{path} holds a {type(content).__name__}, not named tensors")
    return content


def _check_archive(path: Path) -> None:
    """The usual file of torch is a zip archive; one that unpacks to more than it may is not opened."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError):
        return  # the older form, or damaged: torch will tell
    if size > BYTES_MAX:
        raise ModelError(f"{path} unpacks to {size} bytes, more than a checkpoint of a real-time network can have")


def _unwrapped(content: Mapping[str, Any]) -> Mapping[str, Any]:
    for _ in range(3):
        inner = next((content[key] for key in WRAPPERS if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            break
        content = inner
    return {name: value for name, value in content.items() if isinstance(name, str)}


def _check(path: Path, tensors: Tensors) -> None:
    elements = sum(tensor.numel() for tensor in tensors.values())
    if len(tensors) > TENSORS_MAX or elements > ELEMENTS_MAX:
        raise ModelError(f"{path}: {len(tensors)} tensors of {elements} numbers are more than a real-time network has")
    for name, tensor in tensors.items():
        plain = tensor.layout is torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
        if not plain or tensor.is_complex():
            raise ModelError(f"{path}: tensor {name!r} is not a plain array of numbers")
        if not bool(torch.isfinite(tensor.float()).all()):  # float32 is what is used of them
            raise ModelError(f"{path}: tensor {name!r} has numbers that are not finite")


def _without_prefix(tensors: Tensors) -> Tensors:
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


def _plain(tensor: Tensor) -> Tensor:
    """An own copy without history, so that nothing is shared with the file or another tensor."""
    dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to(dtype, copy=True).contiguous()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
