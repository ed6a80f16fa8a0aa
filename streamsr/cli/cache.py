"""`streamsr cache`: the compiled engines kept on disk."""

from __future__ import annotations

import json as json_module
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from .options import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..engines.cache import CacheEntry

app = typer.Typer(help="List or remove compiled engines kept on disk.", no_args_is_help=True)


@app.command("list")
def list_entries(json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False) -> None:
    """List the compiled engines, and what TensorRT measured to build them, the most recently used first."""
    from ..engines.cache import cache_directory, entries

    found = entries()
    for entry in found:
        if json:
            kind, record = "timings" if entry.is_timings else "engine", asdict(entry.record) if entry.record else None
            facts = {"path": str(entry.path), "bytes": entry.size, "kind": kind, "record": record}
            typer.echo(json_module.dumps(facts))
            continue
        used = datetime.fromtimestamp(entry.used).strftime("%Y-%m-%d %H:%M")
        typer.echo(f"{used}  {_size(entry.size):>9}  {_what(entry)}")
    if not json:
        typer.echo(f"{_counted(found)} in {cache_directory()}", err=True)


@app.command()
def prune(
    max_size: Annotated[str | None, typer.Option(help="Keep at most this much, such as 500M or 2G.")] = None,
    older_than: Annotated[
        float | None, typer.Option(min=0, help="Remove what was not used for this many days.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Remove everything.")] = False,
) -> None:
    """Remove compiled engines; they are built again when needed."""
    from ..engines import cache

    if max_size is None and older_than is None and not everything:
        raise UsageError("say what to remove: --max-size 500M, --older-than 30, or --all")
    removed = cache.prune(
        max_bytes=parse_bytes(max_size) if max_size else None,
        older_than=older_than * 86400 if older_than is not None else None,
        everything=everything,
    )
    typer.echo(f"removed {_counted(removed)}")


def parse_bytes(text: str) -> int:
    """Bytes from `1500000`, `500M`, `2G`; the letters are powers of 1024.

    Raises:
        UsageError: anything else.
    """
    number, unit = (text[:-1], text[-1].upper()) if text[-1:].isalpha() else (text, "")
    powers = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
    if not number.isdecimal() or unit not in powers:
        raise UsageError(f"{text!r} is not a size; write bytes, or a number with K, M, G or T")
    return int(number) << 10 * powers[unit]


def _what(entry: CacheEntry) -> str:
    record = entry.record
    if entry.is_timings:
        return "timing cache: how fast TensorRT's kernels are on a GPU"
    return f"{record.model}  {record.format}  {record.backend} {record.precision}" if record else "unreadable"


def _counted(entries: Sequence[CacheEntry]) -> str:
    """`3 engines, 1 timing cache, 12.0 MiB`."""
    timings = sum(entry.is_timings for entry in entries)
    caches = f", {timings} timing cache{'s' if timings > 1 else ''}" if timings else ""
    return f"{len(entries) - timings} engines{caches}, {_size(sum(entry.size for entry in entries))}"


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
