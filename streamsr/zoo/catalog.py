"""Names to model files. Reads nothing but the manifest: the models themselves are opened by whoever runs them."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ..errors import ModelError, UnknownNameError

HOME = Path(__file__).parent
"""The folder of the manifest; its file names are relative to it."""

DEFAULT = "stream-x2"
"""The model taken where none is named: what is upscaled has mostly been compressed (docs/models.md has the figures)."""
STYLIZER = "style-live"
"""The stylizer taken where none is named."""
SAMPLE = HOME / "sample.jpg"
"""A photograph to show models on: Eileen Collins, by NASA, in the public domain."""
INT8 = "int8"
TWIN = "-gan"
"""Ending of the name of a model's adversarial twin: the same network, fine-tuned to look detailed."""

Precision = Literal["fp32", "int8"]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model file, of the zoo or the user's own."""

    name: str
    path: Path
    """The `.onnx` file."""
    precision: Precision
    """What its convolutions compute in; a file of the user's counts as fp32."""
    sha256: str
    summary: str
    """One line: what it does, how well, how fast."""
    card: Path | None = None
    """Markdown: architecture, training data, licence, quality, cost, limits."""
    variants: dict[str, Path] = field(default_factory=dict)
    """The same network in other precisions: `{"int8": path}`."""
    twin: str | None = None
    """What `resolve` finds the adversarial twin by, if there is one."""
    facts: ModelFacts | None = None
    """What the manifest says about it; None for a file of the user's."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a list of models shows beside name and summary."""

    group: str
    """What it belongs with."""
    task: Literal["sr", "style", "restore"]
    """What it is for, as in its `ModelSpec`."""
    scale: int
    color: str
    weights: int
    """How many numbers were learned; 0 for an interpolation."""
    licence: str


def names(task: str | None = None) -> tuple[str, ...]:
    """The models of the zoo, or those for one task, in the manifest's order.

    `<name>.int8` is a name too where there is such a variant.
    """
    return tuple(name for name, table in _manifest().items() if task in (None, table["task"]))


def resolve(name_or_path: str) -> ModelEntry:
    """The model of that name, or the ONNX file at that path.

    The twin of a file `mine.onnx` is `mine-gan.onnx` beside it.

    Raises:
        UnknownNameError: neither a name of the zoo nor a file.
        ModelError: a file that is not called `.onnx`.
    """
    entry = _entry(name_or_path)
    if entry is not None:
        return entry
    path = Path(name_or_path).expanduser()
    if not path.is_file():
        raise UnknownNameError("model", name_or_path, names())
    if path.suffix.lower() != ".onnx":
        raise ModelError(f"{path} is not an ONNX file; a model is a file called .onnx or one of {', '.join(names())}")
    twin = path.with_stem(path.stem + TWIN)
    found = str(twin) if twin.is_file() else None
    return ModelEntry(path.stem, path, "fp32", sha256_of(path), f"ONNX file {path}", twin=found)


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _manifest() -> Mapping[str, dict[str, Any]]:
    return tomllib.loads((HOME / "manifest.toml").read_text("utf-8"))


def _entry(name: str) -> ModelEntry | None:
    """The entry of a name, or of the int8 variant of one."""
    plain = name.removesuffix(f".{INT8}")
    table = _manifest().get(plain)
    if table is None or (plain != name and INT8 not in table["files"]):
        return None
    entry = _float_entry(plain, table)
    if plain == name:
        return entry
    return replace(
        entry,
        name=name,
        path=entry.variants[INT8],
        precision="int8",
        sha256=table["files"][INT8]["sha256"],
        summary=f"{plain} in 8-bit integers, faster on CPUs with VNNI",
        variants={"fp32": entry.path},
        twin=None,
    )


def _float_entry(name: str, table: Mapping[str, Any]) -> ModelEntry:
    files = table["files"]
    return ModelEntry(
        name=name,
        path=HOME / files["fp32"]["path"],
        precision="fp32",
        sha256=files["fp32"]["sha256"],
        summary=table["summary"],
        card=HOME / table["card"],
        variants={precision: HOME / file["path"] for precision, file in files.items() if precision != "fp32"},
        twin=name + TWIN if name + TWIN in _manifest() else None,
        facts=ModelFacts(**{key: table[key] for key in ("group", "task", "scale", "color", "weights", "licence")}),
    )
