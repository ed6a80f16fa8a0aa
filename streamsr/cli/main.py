"""The `streamsr` command: the list of commands, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from .. import __version__
from ..errors import StreamsrError
from . import cache, doctor, graph, info, models, upscale
from .console import show_notes

EXIT_ERROR, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130

app = typer.Typer(
    help="Upscale video in real time, on a CPU or a GPU.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=upscale.EPILOG)(upscale.upscale)
app.command()(models.models)
app.command()(info.info)
app.command()(graph.graph)
app.add_typer(cache.app, name="cache")
app.command()(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"streamsr {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    _v: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Upscale video in real time, on a CPU or a GPU."""
    if debug:
        os.environ["STREAMSR_DEBUG"] = "1"


def main() -> None:
    """Entry point of the console script. Exit codes: 0 done, 1 error, 2 usage, 130 interrupted."""
    show_notes()
    try:
        app(standalone_mode=True)
    except StreamsrError as error:
        _fail(error)
    except BrokenPipeError:  # whoever read our output has gone: nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _fail(error: StreamsrError) -> None:
    if os.environ.get("STREAMSR_DEBUG"):
        raise error
    line = " ".join(str(error).split())
    typer.echo(f"error: {line}", err=True)
    sys.exit(EXIT_ERROR)
