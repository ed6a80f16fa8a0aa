"""The zoo's manifest, brought up to date with the files."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamsr.zoo.catalog import HOME, sha256_of

_HEADER = (
    "# The models of the zoo, as `catalog` reads them. Written by `python -m exporters.bundle`. "
    "Paths are relative to this file.\n"
)


def note_model(name: str, facts: Mapping[str, str | int], files: Mapping[str, Path], home: Path = HOME) -> None:
    """Write a model's table into the manifest, in place of its old one or after all others.

    Args:
        name: what users call it.
        facts: summary, group, scale, … : the scalars of the table.
        files: precision -> file, under `home`; `fp32` is one of them.
        home: the folder of the manifest.
    """
    path = home / "manifest.toml"
    tables: dict[str, Any] = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    hashed = {
        precision: {"path": file.relative_to(home).as_posix(), "sha256": sha256_of(file)}
        for precision, file in files.items()
    }
    tables[name] = {**facts, "files": hashed}
    part = path.with_name(f".{path.name}.part")
    part.write_text("\n".join([_HEADER, *(_table(each, tables[each]) for each in tables)]), "utf-8")
    part.replace(path)


def _table(name: str, table: Mapping[str, Any]) -> str:
    lines = [f"[{_text(name)}]"]
    lines += [f"{key} = {_text(value)}" for key, value in table.items() if key != "files"]
    for precision, file in table["files"].items():
        lines.append(f"files.{precision} = {{ path = {_text(file['path'])}, sha256 = {_text(file['sha256'])} }}")
    return "\n".join(lines) + "\n"


def _text(value: str | int) -> str:
    """A string or an integer in TOML, which writes both as JSON does."""
    return json.dumps(value, ensure_ascii=False)
