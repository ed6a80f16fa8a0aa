"""What `streamsr bench`, the roofline, the peers and the efficiency found, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from streamsr.bench.plot import fastest
from streamsr.bench.result import Result, Row

from .tables import NONE, table

Figures = dict[str, Any]


def speed_table(result: Result) -> str:
    """Frames per second of every model at every size in its fastest setting: end to end / the engine alone."""
    best = {(row.model, row.size): row for row in fastest(result.rows)}
    sizes = _sizes(best.values())
    models = dict.fromkeys(row.model for row in result.rows)
    rows = [[f"`{model}`", *(_speed(best.get((model, size))) for size in sizes)] for model in models]
    return table(["model", *(f"{size}: whole run / engine" for size in sizes)], rows)


def settings_table(result: Result, size: str) -> str:
    """End-to-end frames per second at one size, by backend and precision."""
    rows = [row for row in result.rows if row.size == size]
    settings = list(dict.fromkeys((row.backend, row.precision) for row in rows))
    found = {(row.model, row.backend, row.precision): row for row in rows}
    lines = [
        [f"`{model}`", *(_median(found.get((model, *setting))) for setting in settings)]
        for model in dict.fromkeys(row.model for row in rows)
    ]
    return table([f"{size}", *(f"{backend} {precision}" for backend, precision in settings)], lines)


def latency_table(result: Result, size: str) -> str:
    """What a frame costs at one size in each model's fastest setting: latency, accuracy, memory, share of the peak."""
    head = [size, "setting", "p50 / p95 / p99, ms", "dB to fp32", "build, s", "RSS, MiB", "of the matrix rate"]
    rows = []
    for row in fastest(result.rows):
        if row.size == size and row.latency_ms:
            found = row.latency_ms
            times = " / ".join(f"{each:.1f}" for each in (found.p50, found.p95, found.p99))
            figures = (_digits(row.psnr_db, 1), _digits(row.build_seconds, 2), _digits(row.rss_mib, 0))
            rows.append([f"`{row.model}`", _setting(row), times, *figures, _percent(row.matrix_share)])
    return table(head, rows, words=2)


def bench_machine(result: Result) -> str:
    """Where it was measured, on what the figures rest, and what was left out."""
    machine, measured = result.machine, [row for row in result.rows if row.status == "measured"]
    gpus = "".join(f", {gpu.name} (driver {gpu.driver})" for gpu in machine.gpus)
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    rates = ", ".join(f"{peak.backend} {peak.precision} {peak.gflops:.0f} GFLOP/s" for peak in result.peaks)
    copies = ", ".join(f"{device} {rate:.1f} GB/s" for device, rate in result.copy_gbs.items())
    rounds = [row.rounds for row in measured] or [0]
    sentences = [
        f"{machine.cores} cores of {machine.cpu}{gpus}; {packages}; commit {machine.commit}.",
        f"Peaks: {rates}; copying {copies}.",
        f"Medians of {min(rounds)} to {max(rounds)} interleaved rounds, on {_least(measured)} frames or more;"
        f" the whole took {result.seconds:.0f} s.",
    ]
    left = [f"`{row.model}` {row.size} {_setting(row)}" for row in result.rows if row.status != "measured"]
    return " ".join([*sentences, f"Not measured: {', '.join(left)}." if left else "Nothing was left out."])


def roofline_table(result: Figures, size: str | None = None) -> str:
    """Work, floor and time of a frame, by model, size and setting; only at one size, if it is given."""
    head = [
        "model",
        "size",
        "setting",
        "GFLOP",
        "MB",
        "FLOP/B",
        "floor, ms",
        "layer by layer, ms",
        "measured, ms",
        "over",
    ]
    rows = [
        [
            f"`{row['model']}`",
            row["size"],
            f"{row['backend']} {row['precision']}",
            _digits(row["gflop"], 2),
            _digits(row["mbytes"], 2),
            _digits(row["flops_per_byte"], 0),
            _digits(row["floor_ms"], 2),
            _digits(row["layered_ms"], 2),
            _digits(row["measured_ms"], 2),
            _digits(row["over_floor"], 1),
        ]
        for row in result["rows"]
        if size in (None, row["size"])
    ]
    return table(head, rows, words=3)


def peers_table(result: Figures) -> str:
    """Everybody, the fastest first; what could not be measured at the end, with the reason."""
    measured = sorted((row for row in result["rows"] if "fps" in row), key=lambda row: -row["fps"]["median"])
    rows = [
        [
            f"`{row['name']}`",
            row["what"],
            _range(row["fps"], 1),
            f"{row['psnr']:.2f}",
            f"{row['cpu_ms']['median']:.0f}",
            str(row["frames"]),
        ]
        for row in measured
    ]
    absent = [
        [f"`{row['name']}`", row["what"], row["reason"], NONE, NONE, NONE] for row in result["rows"] if "reason" in row
    ]
    head = ["", "what", "fps", "PSNR-Y, dB", "CPU ms a frame", "frames"]
    return table(head, [*rows, *absent], words=2)


def efficiency_table(result: Figures) -> str:
    """The stages, what they leave possible, and what the pipeline makes of it."""
    head = ["model", "size", "engine, fps", "decode + encode, CPU ms", "possible, fps", "whole run, fps", "efficiency"]
    rows = []
    for row in result["rows"]:
        codecs = row["decode_cpu_ms"]["median"] + row["encode_cpu_ms"]["median"]
        speeds = (f"{row[name]['median']:.1f}" for name in ("possible_fps", "fps"))
        engine = f"{row['engine_fps']['median']:.1f}"
        rows.append([f"`{row['model']}`", row["size"], engine, f"{codecs:.1f}", *speeds, _range(row["efficiency"], 2)])
    return table(head, rows, words=2)


def _sizes(rows: Iterable[Row]) -> list[str]:
    return [size for _, size in sorted({(row.width * row.height, row.size) for row in rows})]


def _speed(row: Row | None) -> str:
    if row is None or row.fps is None or row.engine_fps is None:
        return NONE
    return f"{_figure(row.fps.median)} / {_figure(row.engine_fps.median)} ({_setting(row)})"


def _setting(row: Row) -> str:
    return f"{row.backend} {row.precision}"


def _median(row: Row | None) -> str:
    return NONE if row is None or row.fps is None else _figure(row.fps.median)


def _figure(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _digits(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:.{digits}f}"


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.0f} %"


def _range(spread: dict[str, float], digits: int) -> str:
    """A median, and what it lies between."""
    return f"{spread['median']:.{digits}f} ({spread['min']:.{digits}f} to {spread['max']:.{digits}f})"


def _least(rows: Sequence[Row]) -> int:
    return min((row.whole_frames for row in rows), default=0)
