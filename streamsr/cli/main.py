"""The `streamsr` command: the list of commands, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .. import __version__
from ..errors import OpenError, StreamsrError
from . import (
    bench,
    cache,
    doctor,
    evaluate,
    export,
    graph,
    import_model,
    info,
    models,
    quantize,
    styles,
    stylize,
    stylize_image,
    train,
    upscale,
)
from . import compile as compile_command
from .console import show_notes
from .options import UsageError

EXIT_ERROR, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


class _Commands(TyperGroup):
    """The commands, with the two ways a run may end from outside."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # typer's own context class
        """Run a command. Whoever read our output may leave: that is the end, not an error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except KeyboardInterrupt:
            raise typer.Exit(EXIT_INTERRUPTED) from None


app = typer.Typer(
    cls=_Commands,
    help="Upscale and stylize video in real time, on a CPU or a GPU.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=upscale.EPILOG)(upscale.upscale)
app.command(epilog=stylize.EPILOG)(stylize.stylize)
app.command()(models.models)
app.command(epilog=styles.EPILOG)(styles.styles)
app.command()(info.info)
app.command()(graph.graph)
app.add_typer(cache.app, name="cache")
app.command(epilog=bench.EPILOG)(bench.bench)
app.command()(doctor.doctor)
app.command()(export.export)
app.command("import", epilog=import_model.EPILOG)(import_model.import_model)
app.command()(quantize.quantize)
app.command("compile", epilog=compile_command.EPILOG)(compile_command.compile_models)
app.command("stylize-image", epilog=stylize_image.EPILOG)(stylize_image.stylize_image)
app.add_typer(evaluate.app, name="eval")
app.add_typer(train.app, name="train")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"streamsr {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    _v: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Upscale and stylize video in real time, on a CPU or a GPU."""
    if debug:
        os.environ["STREAMSR_DEBUG"] = "1"


def main() -> None:
    """Entry point of the console script. Exit codes: 0 done, 1 error, 2 usage, 130 interrupted."""
    _open_missing_streams()
    show_notes()
    try:
        app()
    except StreamsrError as error:
        _fail(error, EXIT_USAGE if isinstance(error, UsageError) else EXIT_ERROR)
    except OSError as error:  # a disk that is full, a name that is too long: the system's own words
        where = f"{error.filename}: " if error.filename else ""
        _fail(OpenError(f"{where}{error.strerror or error}"), EXIT_ERROR)


def _open_missing_streams() -> None:
    """A closed stdout or stderr (`>&-`) is None in Python; whatever is written there goes nowhere."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115  # open as long as the process
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115


def _fail(error: StreamsrError, code: int) -> None:
    if os.environ.get("STREAMSR_DEBUG"):
        raise error
    line = " ".join(str(error).split())
    typer.echo(f"error: {line}", err=True)
    sys.exit(code)
