"""`streamsr models`: the zoo."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..zoo.catalog import ModelEntry


def models(
    name: Annotated[str | None, typer.Argument(help="Print the card of this model.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """List the models, or print the card of one."""
    from ..zoo import catalog

    if name is not None:
        entry = catalog.resolve(name)
        typer.echo(entry.card.read_text("utf-8") if entry.card else f"{entry.name}: {entry.path} (no card)")
        return
    entries = [catalog.resolve(each) for each in catalog.names()]
    for line in map(_json, entries) if json else _table(entries):
        typer.echo(line)


def _json(entry: ModelEntry) -> str:
    facts = asdict(entry.facts) if entry.facts else {}
    variants = {precision: str(path) for precision, path in entry.variants.items()}
    named = {key: getattr(entry, key) for key in ("name", "precision", "summary", "sha256", "twin")}
    return json_module.dumps(named | {"path": str(entry.path), "variants": variants} | facts)


def _table(entries: list[ModelEntry]) -> Iterator[str]:
    """Models under the heading of their group, groups in the order in which they first occur."""
    rows = {entry.name: _row(entry) for entry in entries}
    widths = [max(map(len, column)) for column in zip(*rows.values(), strict=True)]
    groups = dict.fromkeys(entry.facts.group for entry in entries if entry.facts)
    for index, group in enumerate(groups):
        yield ("\n" if index else "") + group
        for entry in entries:
            if entry.facts and entry.facts.group == group:
                cells = [cell.ljust(width) for cell, width in zip(rows[entry.name], widths, strict=True)]
                yield f"  {'  '.join(cells)}".rstrip()


def _row(entry: ModelEntry) -> tuple[str, ...]:
    """Name, scale, colour, weights, precisions, licence, summary."""
    facts = entry.facts
    if facts is None:
        return (entry.name, "", "", "", "", "", entry.summary)
    weights = f"{facts.weights:,} weights".replace(",", " ") if facts.weights else "no weights"
    precisions = "+".join([entry.precision, *entry.variants])
    summary = f"{entry.summary} (--detail 0..1)" if entry.twin else entry.summary
    return entry.name, f"x{facts.scale}", facts.color, weights, precisions, facts.licence, summary
