"""`streamsr styles`: what a stylizer paints like."""

from __future__ import annotations

import json as json_module
import time
from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..zoo.catalog import SAMPLE, STYLIZER
from . import options as o
from .console import progress_line
from .files import new_file, write_picture

if TYPE_CHECKING:
    from ..media.rgb import Rgb

COLUMNS = 5

EPILOG = """Examples:

    streamsr styles

    streamsr styles --sheet styles.png

    streamsr styles --sheet me.png --picture me.jpg
"""


def styles(
    model: o.StylizerName = STYLIZER,
    sheet: Annotated[Path | None, typer.Option(help="Write a picture painted in every style: .png, .jpg.")] = None,
    picture: Annotated[Path, typer.Option(help="The picture to paint.", show_default=False)] = SAMPLE,
    overwrite: o.Overwrite = False,
    quiet: o.Quiet = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """List the styles of a stylizer, and the artworks behind them; --sheet shows them."""
    from ..analysis.sheet import contact_sheet
    from ..graph.model import load_model
    from ..zoo.catalog import resolve

    names = load_model(resolve(model).path).spec.conditioning
    if not names:
        raise o.UsageError(f"{model} has no styles to choose from; name a stylizer with several, such as {STYLIZER}")
    if sheet is not None:
        with new_file(sheet, overwrite=overwrite) as path:
            write_picture(path, contact_sheet(dict(_painted(model, names, picture, quiet)), COLUMNS))
    for line in map(json_module.dumps, map(_facts, names)) if json else _table(names):
        typer.echo(line)


def _facts(style: str) -> dict[str, Any]:
    from ..zoo.artworks import artworks

    artwork = artworks().get(style)
    return {"style": style, **(asdict(artwork) if artwork else {})}


def _table(names: tuple[str, ...]) -> Iterator[str]:
    from ..zoo.artworks import artworks

    width = max(map(len, names))
    for name in names:
        yield f"{name.ljust(width)}  {artworks().get(name, '')}".rstrip()


def _painted(model: str, names: tuple[str, ...], path: Path, quiet: bool) -> Iterator[tuple[str, Rgb]]:
    """The picture as it is, then in every style; caption and picture."""
    import numpy as np

    from ..api import stylize
    from ..media.images import read_image
    from ..media.rgb import picture_rgb
    from ..pipeline import Progress

    picture, began = picture_rgb(read_image(path)), time.monotonic()
    yield "the picture itself", picture
    with progress_line("styles", quiet) as show:
        for done, name in enumerate(names, 1):
            yield name, np.asarray(stylize(picture, model=model, style=name), np.uint8)
            if show:
                show(Progress(done, len(names), time.monotonic() - began, Fraction(0)))
