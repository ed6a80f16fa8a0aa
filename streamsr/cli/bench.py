"""`streamsr bench`: how fast this machine is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as o
from .files import new_file
from .options import UsageError

if TYPE_CHECKING:
    from ..bench.plan import Effort
    from ..bench.result import Result
    from ..bench.run import Say
    from ..bench.suite import Suite
    from ..media.options import WriteOptions

EPILOG = """Examples:

    streamsr bench live-x2 fast-x2 --size 360p --size 1280x720

    streamsr bench --suite standard --plot speed.png --json > here.json

    streamsr bench --compare there.json here.json

    streamsr bench live-x2 --clip film.mkv --backend openvino --precision int8
"""
_WHAT, _HOW, _READ = "What is measured", "How", "Results"
_EXIT_INTERRUPTED = 130

Names = Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", help="[default: stream-x2]")]
Sizes = Annotated[
    list[str] | None,
    typer.Option(help="Of the input, 640x360 or 360p; repeatable.  [default: 360p]", rich_help_panel=_WHAT),
]
Backends = Annotated[
    list[str] | None, typer.Option(help="Repeatable.  [default: all that load here]", rich_help_panel=_WHAT)
]
Precisions = Annotated[
    list[str] | None, typer.Option(help="Repeatable.  [default: all that are native]", rich_help_panel=_WHAT)
]
Device = Annotated[str | None, typer.Option(help="CPU, GPU, cuda:1.", rich_help_panel=_WHAT)]
SuiteName = Annotated[
    str | None, typer.Option(help="Instead: standard, the same cases everywhere.", rich_help_panel=_WHAT)
]
Clip = Annotated[
    Path | None, typer.Option(help="A video, at its own size, instead of generated frames.", rich_help_panel=_WHAT)
]
Synthetic = Annotated[bool, typer.Option("--synthetic", help="No decoding, no encoding.", rich_help_panel=_WHAT)]
Codec = Annotated[str | None, typer.Option(help="[default: libx264]", rich_help_panel=_HOW)]
Preset = Annotated[str | None, typer.Option(help="[default: veryfast, for libx264]", rich_help_panel=_HOW)]
Rounds = Annotated[int | None, typer.Option(min=1, help="Of everything.  [default: 3]", rich_help_panel=_HOW)]
Seconds = Annotated[float | None, typer.Option(help="Of one figure, about.  [default: 1]", rich_help_panel=_HOW)]
Budget = Annotated[float | None, typer.Option(help="Seconds of everything, about.", rich_help_panel=_HOW)]
Compare = Annotated[
    tuple[Path, Path] | None,
    typer.Option(metavar="BEFORE AFTER", help="Two results of --json; nothing is measured.", rich_help_panel=_READ),
]
Plot = Annotated[Path | None, typer.Option(help="PNG: speed by size, quality by speed.", rich_help_panel=_READ)]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.", rich_help_panel=_READ)]


def bench(
    models: Names = None,
    size: Sizes = None,
    backend: Backends = None,
    precision: Precisions = None,
    device: Device = None,
    suite: SuiteName = None,
    clip: Clip = None,
    synthetic: Synthetic = False,
    hwaccel: o.HwAccel = "none",
    codec: Codec = None,
    preset: Preset = None,
    threads: o.Threads = None,
    rounds: Rounds = None,
    seconds: Seconds = None,
    budget: Budget = None,
    compare: Compare = None,
    plot: Plot = None,
    json: Json = False,
    overwrite: o.Overwrite = False,
    quiet: o.Quiet = False,
) -> None:
    """Frames per second, latency, memory and accuracy of models on this machine, with real decoding and encoding."""
    if compare is not None:
        _compare(*compare, json=json)
        return
    from ..bench.run import Bench
    from ..bench.settings import Settings
    from ..media.read_options import ReadOptions

    if suite and (models or size or backend or precision or device or clip):
        raise UsageError("a suite has models, sizes, backends, precisions and frames of its own")
    if clip and synthetic:
        raise UsageError("--clip is decoded and encoded, --synthetic is not: leave one of them out")
    chosen = _suite(suite) if suite else _cases(models, _sizes(size, clip), backend, precision, device)
    effort = _effort(chosen.effort, rounds, seconds, budget)
    reading = ReadOptions(hwaccel=hwaccel)
    settings = Settings(effort, clip, not synthetic, _writing(codec, preset), reading, threads, device, suite)
    with _plot(plot, overwrite=overwrite) as draw:
        result = Bench(chosen.cases, settings, _say(quiet)).run()
        _print(result, json)
        draw(result)
    if result.interrupted:
        raise typer.Exit(_EXIT_INTERRUPTED)


@contextmanager
def _plot(path: Path | None, *, overwrite: bool) -> Iterator[Callable[[Result], object]]:
    """What draws a result into the file, if there is one; that it cannot is said before anything is measured."""
    if path is None:
        yield lambda _: None
        return
    from ..bench.plot import draw, paper

    paper()
    with new_file(path, overwrite=overwrite) as target:
        yield lambda result: target.write_bytes(draw(result))


def _print(result: Result, json: bool) -> None:
    from ..bench.table import show

    if json:
        typer.echo(result.to_json())
    else:
        show(result)


def _suite(name: str) -> Suite:
    from ..bench.suite import find_suite

    return find_suite(name)


def _cases(
    models: list[str] | None,
    sizes: list[tuple[int, int]],
    backends: list[str] | None,
    precisions: list[str] | None,
    device: str | None,
) -> Suite:
    """Every combination of what was asked for."""
    from ..bench.case import cases
    from ..bench.plan import Effort
    from ..bench.suite import Suite
    from ..zoo.catalog import DEFAULT

    return Suite(cases(models or [DEFAULT], sizes, backends or (), precisions or (), device), Effort())


def _sizes(texts: list[str] | None, clip: Path | None) -> list[tuple[int, int]]:
    """Those asked for, or a clip's own."""
    from ..bench.case import frame_size
    from ..bench.footage import size_of

    if clip is None:
        return [frame_size(text) for text in texts or ["360p"]]
    if texts:
        raise UsageError("a clip has its own size: leave --size out")
    return [size_of(clip)]


def _effort(usual: Effort, rounds: int | None, seconds: float | None, budget: float | None) -> Effort:
    """What was asked for, or what is usual."""
    return replace(
        usual,
        rounds=usual.rounds if rounds is None else rounds,
        seconds=usual.seconds if seconds is None else seconds,
        budget=usual.budget if budget is None else budget,
    )


def _writing(codec: str | None, preset: str | None) -> WriteOptions:
    """Another codec has other presets and another scale of quality: its own defaults."""
    from ..bench.footage import ENCODING

    usual = ENCODING if codec in (None, ENCODING.codec) else replace(ENCODING, codec=codec, crf=None, preset=None)
    return usual if preset is None else replace(usual, preset=preset)


def _compare(before: Path, after: Path, *, json: bool) -> None:
    from ..bench.compare import change_table, compare, differences
    from ..bench.result import read_result
    from ..bench.table import make_console

    results = read_result(before), read_result(after)
    changes = compare(*results)
    if json:
        for change in changes:
            typer.echo(change.to_json())
        return
    console = make_console()
    console.print(change_table(changes))
    for line in differences(*results):
        console.print(line, style="dim", markup=False)


def _say(quiet: bool) -> Say:
    """One line on standard error that changes; nothing where that is no terminal, or nothing is wanted."""

    def say(text: str) -> None:
        if not quiet and sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    return say
