"""Names to model files. Reads nothing but the manifest: the models themselves are opened by whoever runs them."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ..errors import ModelError, UnknownNameError

HOME = Path(__file__).parent
"""The folder of the manifest; its file names are relative to it."""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model file, of the zoo or the user's own."""

    name: str
    path: Path
    """The `.onnx` file."""
    precision: Literal["fp32", "int8"]
    """What its convolutions compute in; a file of the user's counts as fp32."""
    sha256: str
    summary: str
    """One line: what it does, how well, how fast."""
    card: Path | None = None
    """Markdown: architecture, training data, licence, quality, cost, limits."""
    variants: dict[str, Path] = field(default_factory=dict)
    """The same network in other precisions: `{"int8": path}`."""


def names() -> tuple[str, ...]:
    """The names of the zoo, in the manifest's order."""
    return tuple(_manifest())


def resolve(name_or_path: str) -> ModelEntry:
    """The model of that name, or the ONNX file at that path.

    Raises:
        UnknownNameError: neither a name of the zoo nor a file.
        ModelError: a file that is not called `.onnx`.
    """
    entry = _manifest().get(name_or_path)
    if entry is not None:
        return entry
    path = Path(name_or_path).expanduser()
    if not path.is_file():
        raise UnknownNameError("model", name_or_path, names())
    if path.suffix.lower() != ".onnx":
        raise ModelError(f"{path} is not an ONNX file; a model is a file called .onnx or one of {', '.join(names())}")
    return ModelEntry(path.stem, path, "fp32", sha256_of(path), f"ONNX file {path}")


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _manifest() -> dict[str, ModelEntry]:
    tables = tomllib.loads((HOME / "manifest.toml").read_text("utf-8"))
    return {name: _entry(name, table) for name, table in tables.items()}


def _entry(name: str, table: dict[str, Any]) -> ModelEntry:
    return ModelEntry(
        name=name,
        path=HOME / table["path"],
        precision=table["precision"],
        sha256=table["sha256"],
        summary=table["summary"],
        card=HOME / table["card"],
        variants={precision: HOME / file for precision, file in table.get("variants", {}).items()},
    )
