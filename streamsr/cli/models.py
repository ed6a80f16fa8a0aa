"""`streamsr models`: the zoo."""

from __future__ import annotations

import json as json_module
from typing import Annotated

import typer


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
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        if json:
            typer.echo(
                json_module.dumps(
                    {
                        "name": entry.name,
                        "precision": entry.precision,
                        "path": str(entry.path),
                        "summary": entry.summary,
                    }
                )
            )
        else:
            typer.echo(f"{entry.name:<{width}}  {entry.summary}")
