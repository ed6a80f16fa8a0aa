"""`streamsr eval temporal`: how still a video holds."""

from __future__ import annotations

import json as json_module
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as o
from .console import progress_line
from .files import new_file, write_picture
from .moments import Moments

if TYPE_CHECKING:
    from ..analysis.temporal.meter import TemporalScore
    from ..analysis.temporal.steps import Moment

Row = tuple[str, str, str, str]

EPILOG = """Examples:

    streamsr eval temporal in.mp4 styled.mp4

    streamsr eval temporal in.mp4 smoothed.mkv --reference unsmoothed.mkv --plot smooth.png --strip frames.png

Write what is to be measured without loss (`--codec ffv1`, to a .mkv file): a lossy codec flickers too.
"""


def temporal(
    source: Annotated[str, typer.Argument(metavar="IN", help="The video as it was.")],
    output: Annotated[str, typer.Argument(metavar="OUT", help="What was made of it: as large, or larger.")],
    reference: Annotated[str | None, typer.Option(help="The same, not smoothed.  [default: none]")] = None,
    plot: Annotated[Path | None, typer.Option(help="PNG of the figures over time.")] = None,
    strip: Annotated[Path | None, typer.Option(help="PNG of some moments, and of what flickers in them.")] = None,
    overwrite: o.Overwrite = False,
    quiet: o.Quiet = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, instead of the table.")] = False,
) -> None:
    """Flicker (E_warp), sharpness, and both in one figure (E_n); with --reference, ghosts too."""
    from ..analysis.temporal.meter import TemporalMeter
    from ..analysis.temporal.plot import draw
    from ..analysis.temporal.steps import steps
    from ..analysis.temporal.strip import Strip

    meter, sheet, figures = TemporalMeter(), Strip(), []
    with ExitStack() as stack:
        targets = {path: stack.enter_context(new_file(path, overwrite=overwrite)) for path in (plot, strip) if path}
        moments = stack.enter_context(closing(Moments(source, output, reference)))
        for step in steps(_shown(moments, Path(output).name, quiet)):
            found = meter.add(step)
            if plot:
                figures.append(found)
            if strip:
                sheet.add(step)
        score = meter.score()
        if plot:
            targets[plot].write_bytes(draw(figures, Path(output).name))
        if strip:
            write_picture(targets[strip], sheet.picture())
    if json:
        typer.echo(json_module.dumps({key: _plain(value) for key, value in asdict(score).items()}))
    else:
        _print(score)


def _shown(moments: Moments, label: str, quiet: bool) -> Iterator[Moment]:
    """The moments as they are, a line on stderr telling how many there have been."""
    from ..pipeline import Progress

    began, info = time.monotonic(), moments.info
    with progress_line(label, quiet) as show:
        for index, moment in enumerate(moments, 1):
            yield moment
            if show:
                length = Fraction(index) / info.frame_rate if info.frame_rate else Fraction(0)
                show(Progress(index, info.frames, time.monotonic() - began, length))


def _plain(value: Any) -> Any:
    """JSON has no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print(score: TemporalScore) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "input", "unsmoothed", "output", box=None, pad_edge=False, header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in _rows(score):
        table.add_row(*row)
    console = Console(highlight=False)
    console.print(table)
    for line in _remarks(score):
        console.print(line, style="dim")


def _rows(score: TemporalScore) -> Iterator[Row]:
    compared = score.e_warp_reference is not None
    error = score.e_warp_reference or 0.0
    unsmoothed = _thousandth(error) if compared else "-"
    yield "E_warp, 1e-3", _thousandth(score.e_warp_source), unsmoothed, _thousandth(score.e_warp)
    yield "sharpness", "-" if compared else "1.000", "1.000" if compared else "-", f"{score.sharpness:.3f}"
    yield "E_n, 1e-3", "-", unsmoothed, _thousandth(score.e_n)
    if compared:
        yield "E_warp, times lower", "", "", _times(error, score.e_warp)
        yield "E_n, times lower", "", "", _times(error, score.e_n)
        yield "PSNR where occluded, dB", "", "", "-" if score.psnr_occluded is None else f"{score.psnr_occluded:.1f}"
    if score.ghosts is not None:
        yield "ghost frames after cuts", "", "", " ".join(map(str, score.ghosts)) or "no cuts"


def _remarks(score: TemporalScore) -> Iterator[str]:
    cuts = f", cuts at {' '.join(map(str, score.cuts))} left out" if score.cuts else ""
    yield f"{score.frames} frames, {score.pairs} pairs{cuts}; {100 * score.occluded:.1f} % of pixels occluded"
    against = "the input" if score.e_warp_reference is None else "the unsmoothed video"
    yield f"sharpness is mean |Laplacian(Y)| in units of {against}; E_n = E_warp / sharpness^2"


def _thousandth(value: float) -> str:
    return f"{1000 * value:.3f}"


def _times(before: float, after: float) -> str:
    return f"{before / after:.2f}" if after else "inf"
