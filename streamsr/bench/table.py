"""Results for reading, in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from .result import Result, Row
from .spread import Spread

NONE = "–"
WIDTH = 150
"""Columns where the terminal does not tell."""


def show(result: Result, console: Console | None = None) -> None:
    """Print a result: what was measured, and on what; what was not, and why."""
    console = console or make_console()
    measured = [row for row in result.rows if row.status == "measured"]
    if measured:
        console.print(table(measured))
    for row in result.rows:
        if row.status != "measured":
            reason = row.reason or "interrupted before it was its turn"
            console.print(f"{row.status}: {' '.join(row.key)}: {reason}", style="yellow", markup=False)
    for line in remarks(result):
        console.print(line, style="dim", markup=False)


def make_console() -> Console:
    """Standard output: as wide as the terminal, or as the table where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


def table(rows: Sequence[Row]) -> Table:
    """Figures of measured rows; columns that no row has a figure for are left out."""
    columns = {head: [cell(row) for row in rows] for head, cell in _COLUMNS.items()}
    shown = {head: cells for head, cells in columns.items() if set(cells) != {NONE}}
    sheet = Table(*shown, box=None, pad_edge=False, header_style="bold")
    for column in sheet.columns[len(_WORDS) :]:
        column.justify = "right"
    for cells in zip(*shown.values(), strict=True):
        sheet.add_row(*cells)
    return sheet


def remarks(result: Result) -> list[str]:
    """Where it was measured, and what the figures rest on."""
    machine, settings = result.machine, result.settings
    gpus = "".join(f", {gpu.name} (driver {gpu.driver})" for gpu in machine.gpus)
    rates = ", ".join(f"{peak.backend} {peak.precision} {peak.gflops:.0f} GFLOP/s" for peak in result.peaks)
    copies = ", ".join(f"{device} {rate:.1f} GB/s" for device, rate in result.copy_gbs.items())
    measured = [row for row in result.rows if row.status == "measured"]
    lines = [
        f"{machine.cores} cores of {machine.cpu}{gpus}; load {NONE if machine.load is None else f'{machine.load:.1f}'}",
        f"peaks: {'; '.join(filter(None, (rates, copies))) or NONE}",
        f"footage: {settings['footage']}; streamsr {machine.packages.get('streamsr', '?')}, commit {machine.commit}",
    ]
    if measured:
        least = min(measured, key=lambda row: row.whole_frames)
        lines.append(
            f"medians of {least.rounds} to {max(row.rounds for row in measured)} interleaved rounds (least to most), "
            f"on {least.whole_frames} frames or more; {result.seconds:.0f} s in all"
        )
    return lines + (["interrupted"] if result.interrupted else [])


def number(value: float | None, digits: int = 0) -> str:
    """A figure, or a dash."""
    return NONE if value is None else f"{value:.{digits}f}"


def rate(spread: Spread | None) -> str:
    """A median, and what it lies between: `37.1 (36.4-38.1)`."""
    if spread is None:
        return NONE
    digits = 1 if spread.median < 100 else 0
    return f"{spread.median:.{digits}f} ({spread.low:.{digits}f}-{spread.high:.{digits}f})"


def _latency(row: Row) -> str:
    found = row.latency_ms
    return NONE if found is None else " / ".join(f"{each:.1f}" for each in (found.p50, found.p95, found.p99))


def _device_ms(row: Row) -> str:
    return NONE if row.device_ms is None else f"{row.device_ms.median:.2f}"


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.0f} %"


_WORDS: dict[str, Callable[[Row], str]] = {
    "model": lambda row: row.model,
    "size": lambda row: row.size,
    "backend": lambda row: row.backend,
    "precision": lambda row: row.precision,
}
_COLUMNS: dict[str, Callable[[Row], str]] = {
    **_WORDS,
    "end to end, fps": lambda row: rate(row.fps),
    "engine, fps": lambda row: rate(row.engine_fps),
    "device, ms": _device_ms,
    "p50 / p95 / p99, ms": _latency,
    "engine, dB": lambda row: number(row.psnr_db, 1),
    "build, s": lambda row: number(row.build_seconds, 2),
    "RSS, MiB": lambda row: number(row.rss_mib),
    "VRAM, MiB": lambda row: number(row.vram_mib),
    "W": lambda row: number(row.watts),
    "of peak": lambda row: _percent(row.matrix_share),
    "of copy": lambda row: _percent(row.copy_share),
}
