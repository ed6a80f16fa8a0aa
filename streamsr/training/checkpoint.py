"""Checkpoints: safetensors weights with JSON metadata in the same file. Nothing is ever unpickled."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..errors import ModelError
from ..generators import GENERATORS

METADATA_KEY = "streamsr"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Tensors by name, and what they are."""

    tensors: dict[str, Tensor]
    generator: str
    """Name in `GENERATORS`."""
    config: dict[str, Any]
    """Fields of the generator's `Config`."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Provenance and progress: recipe, step, metrics, … ; plain JSON."""

    def build(self) -> Any:
        """The generator with these weights, in evaluation mode.

        Raises:
            ModelError: the configuration or the tensors do not fit the architecture.
        """
        if "notes" in self.facts:
            raise ModelError("this is the state of a run, to go on from; the generator is model.safetensors beside it")
        kind = GENERATORS.load(self.generator)
        try:
            model = kind(kind.Config(**self.config))
            model.load_state_dict(self.tensors)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ModelError(f"checkpoint does not fit generator {self.generator!r}: {error}") from error
        return model.eval()


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write atomically: `path` holds the old file or the whole new one, never a part."""
    about = {key: getattr(checkpoint, key) for key in ("generator", "config", "facts")}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    data = save(tensors, {METADATA_KEY: json.dumps({"format": FORMAT, **about}, sort_keys=True)})
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(data)
    temporary.replace(path)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        ModelError: missing, truncated, not safetensors, or not one of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            raw = json.loads((file.metadata() or {})[METADATA_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        return Checkpoint(tensors, str(raw["generator"]), dict(raw["config"]), dict(raw["facts"]))
    except (OSError, SafetensorError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{path} is not a streamsr checkpoint: {type(error).__name__}: {error}") from error
