"""`streamsr info`: what is in a file."""

from __future__ import annotations

import json as json_module
from typing import Annotated

import typer


def info(
    path: Annotated[str, typer.Argument(metavar="FILE", help="Anything `streamsr upscale` reads.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what is in a file: its streams, size, timing, colour, rotation, chapters."""
    from ..media.probe import probe

    found = probe(path)
    typer.echo(json_module.dumps(found.to_dict()) if json else found.describe())
