"""`streamsr upscale`: the main job."""

from __future__ import annotations

import json as json_module
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..errors import ConfigError, OpenError, StreamsrError
from . import options as o
from .console import progress_line
from .jobs import Job, plan_jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..api import OnProgress
    from ..report import Report

    Runner = Callable[[str, str, OnProgress], Report]

EPILOG = """Examples:

    streamsr upscale in.mp4 out.mp4

    streamsr upscale in.mkv out.mkv --codec libx265 --crf 20 --preset slow

    streamsr upscale in.mp4 out.mp4 --model detail-x2 --detail 0.4

    streamsr upscale in.mp4 part.mp4 --start 1:30 --end 1:45

    streamsr upscale photos/ photos-x2/

    streamsr upscale *.mp4 --output-dir upscaled/

    ffmpeg -i in.mov -f yuv4mpegpipe - | streamsr upscale - out.mp4
"""


def upscale(
    paths: o.Paths,
    output_dir: o.OutputDir = None,
    model: o.ModelNames = None,
    detail: o.Detail = None,
    backend: o.Backend = "auto",
    precision: o.PrecisionName = "auto",
    threads: o.Threads = None,
    tile: o.Tile = "auto",
    codec: o.Codec = None,
    crf: o.Crf = None,
    preset: o.Preset = None,
    pix_fmt: o.PixFmt = None,
    skip_streams: o.SkipStreams = None,
    start: o.Start = None,
    end: o.End = None,
    frames: o.Frames = None,
    no_deinterlace: o.NoDeinterlace = False,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Upscale a video or image; audio, subtitles, chapters, colours and timing stay as they are."""
    jobs, folder = plan_jobs(paths, output_dir)
    from ..api import upscale_file
    from ..chain import Chain, EngineOptions
    from ..media.options import WriteOptions
    from ..media.source import ReadOptions
    from ..zoo.catalog import DEFAULT

    reading = ReadOptions(
        deinterlace=not no_deinterlace, start=o.parse_time(start), end=o.parse_time(end), frames=frames
    )
    writing = WriteOptions(
        codec=codec,
        crf=crf,
        preset=preset,
        pix_fmt=pix_fmt,
        overwrite=overwrite,
        skip_streams=frozenset(kind.strip() for kinds in skip_streams or () for kind in kinds.split(",")),
    )
    engine = EngineOptions(backend=backend, precision=precision, threads=threads, tile=o.parse_tile(tile))
    if folder is not None:
        make_folder(folder)
    with Chain(*(model or [DEFAULT]), options=engine, detail=detail) as chain:
        run_jobs(jobs, partial(upscale_file, chain=chain, reading=reading, writing=writing), json=json, quiet=quiet)


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
    words.append(f"{report.model} on {report.backend} {report.precision}")
    if report.duplicates:
        words.append(f"{report.duplicates} repeated frames reused")
    if report.skipped:
        words.append(f"{report.skipped} damaged packets or frames skipped")
    if report.interrupted:
        words.append("interrupted: the file ends here and is playable")
    return ", ".join(words)
