"""A result, drawn: speed by size, and quality against speed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any

from ..errors import ConfigError, MissingDependencyError
from .result import Result, Row

_REAL_TIME = 25
"""Frames per second of the line that everybody looks for."""
_SHAPES = ("o", "s", "^", "D")
"""Of points, by scale."""


def draw(result: Result) -> bytes:
    """A PNG: end-to-end frames per second by input size, each model in its fastest setting; PSNR-Y on Set5 against the
    same speed at the size that most models were measured at.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        ConfigError: nothing was measured.
    """
    best = fastest(result.rows)
    if not best:
        raise ConfigError("no row was measured: there is nothing to draw")
    sheet = paper()(figsize=(12, 5), layout="constrained")
    left, right = sheet.subplots(1, 2)
    cards = "".join(f", {gpu.name}" for gpu in result.machine.gpus)
    sheet.suptitle(f"{result.machine.cores} cores of {result.machine.cpu}{cards}", fontsize=10)
    colors = {model: f"C{index}" for index, model in enumerate(dict.fromkeys(row.model for row in best))}
    _by_size(left, best, colors)
    _against_quality(right, best, colors)
    png = BytesIO()
    sheet.savefig(png, dpi=110, metadata={"Software": None})
    return png.getvalue()


def paper() -> Any:
    """What is drawn on: matplotlib's `Figure`. Ask for it before measuring: a benchmark is too long to lose.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError(error.name or "matplotlib", "bench", "a plot") from error
    return Figure


def fastest(rows: Iterable[Row]) -> list[Row]:
    """The fastest measured row of every model at every size, by model and then by size."""
    best: dict[tuple[str, int, int], Row] = {}
    for row in rows:
        key = row.model, row.width, row.height
        if row.fps and (key not in best or row.fps.median > _fps(best[key])):
            best[key] = row
    order = list(dict.fromkeys(row.model for row in best.values()))
    return sorted(best.values(), key=lambda row: (order.index(row.model), row.width * row.height))


def _by_size(axis: Any, rows: Sequence[Row], colors: dict[str, str]) -> None:
    sizes = sorted({(row.width * row.height, row.size) for row in rows})
    places = {size: place for place, (_, size) in enumerate(sizes)}
    for model, color in colors.items():
        own = [row for row in rows if row.model == model and row.fps]
        label = f"{model} ({', '.join(dict.fromkeys(f'{row.backend} {row.precision}' for row in own))})"
        spread = [
            [_fps(row) - row.fps.low for row in own if row.fps],
            [row.fps.high - _fps(row) for row in own if row.fps],
        ]
        x, y = [places[row.size] for row in own], [_fps(row) for row in own]
        axis.errorbar(x, y, yerr=spread, color=color, marker="o", markersize=4, linewidth=1.2, capsize=2, label=label)
    axis.axhline(_REAL_TIME, color="gray", linewidth=0.8, linestyle=":")
    axis.set_xticks(range(len(sizes)), [size for _, size in sizes])
    axis.set_xlim(-0.3, len(sizes) - 0.7)
    _finish(axis, "input", "end to end, frames per second", axis.set_yscale)
    axis.legend(fontsize=7)


def _against_quality(axis: Any, rows: Sequence[Row], colors: dict[str, str]) -> None:
    """Set5 is another task at every scale: a point's shape tells which."""
    known = [row for row in rows if row.quality_db is not None]
    size = _commonest(known)
    shown = [row for row in known if row.size == size]
    shapes = dict(zip(sorted({row.scale or 1 for row in shown}), _SHAPES, strict=False))
    for scale, shape in shapes.items():
        axis.plot([], [], shape, color="gray", label=f"{scale}x")
    for row in shown:
        axis.plot(_fps(row), row.quality_db, shapes.get(row.scale or 1, "x"), color=colors[row.model])
        axis.annotate(row.model, (_fps(row), row.quality_db), (5, 5), textcoords="offset points", fontsize=7)
    axis.axvline(_REAL_TIME, color="gray", linewidth=0.8, linestyle=":")
    _finish(axis, f"end to end, frames per second at {size}", "PSNR-Y on Set5, dB", axis.set_xscale)
    axis.margins(x=0.2, y=0.15)
    axis.legend(fontsize=7)


def _commonest(rows: Sequence[Row]) -> str:
    sizes = [row.size for row in sorted(rows, key=lambda row: row.width * row.height)]
    return max(sizes, key=sizes.count, default="")


def _finish(axis: Any, x: str, y: str, scale: Any) -> None:
    scale("log", subs=(2, 5))
    ruler = axis.xaxis if scale == axis.set_xscale else axis.yaxis
    ruler.set_major_formatter("{x:g}")
    ruler.set_minor_formatter("{x:g}")
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    axis.grid(alpha=0.3, which="both")


def _fps(row: Row) -> float:
    assert row.fps is not None
    return row.fps.median
