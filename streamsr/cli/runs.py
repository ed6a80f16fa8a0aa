"""Running the jobs of a command: progress, reports, exit codes."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..errors import ConfigError, OpenError, StreamsrError
from .console import progress_line
from .jobs import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..api import OnProgress
    from ..report import Report

    Runner = Callable[[str, str, OnProgress], Report]


def make_folder(folder: Path) -> None:
    """Make the folder that the outputs go to, if it is not there.

    Raises:
        OpenError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OpenError(f"cannot make the folder {folder}: {error.strerror}") from error


def run_jobs(jobs: list[Job], runner: Runner, *, json: bool, quiet: bool) -> None:
    """Run every job. One that fails does not stop the others, but the exit code tells.

    Raises:
        StreamsrError: the error, when there is only one job.
        Exit: with 1 when some failed, 130 when interrupted.
    """
    failed = 0
    for job in jobs:
        try:
            report = _run(job, runner, quiet)
        except StreamsrError as error:
            if len(jobs) == 1:
                raise
            failed += 1
            typer.echo(f"error: {error}", err=True)
            continue
        _print(report, job, json, quiet)
        if report.interrupted:
            raise typer.Exit(130)
    if failed:
        raise ConfigError(f"{failed} of {len(jobs)} inputs failed")


def _run(job: Job, runner: Runner, quiet: bool) -> Report:
    with progress_line(job.input, quiet) as on_progress:
        return runner(job.input, job.output, on_progress)


def _print(report: Report, job: Job, json: bool, quiet: bool) -> None:
    if not quiet:
        typer.echo(summary(report), err=True)
    if json:
        stream = sys.stderr if job.output == "-" else sys.stdout
        stream.write(json_module.dumps(report.to_dict()) + "\n")
        stream.flush()


def summary(report: Report) -> str:
    """What happened, in a line."""
    words = [f"{report.output}: {report.frames} frames in {report.seconds:.1f} s ({report.fps:.1f} fps)"]
    several = f" ({report.device})" if "," in report.device else ""
    words.append(f"{report.model} on {report.backend} {report.precision}{several}")
    if report.duplicates:
        words.append(f"{report.duplicates} repeated frames reused")
    if report.skipped:
        words.append(f"{report.skipped} damaged packets or frames skipped")
    if report.interrupted:
        words.append("interrupted: the file ends here and is playable")
    return ", ".join(words)
