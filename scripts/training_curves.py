"""Curves of training: what runs logged becomes small CSV files, and those become a picture.

    python scripts/training_curves.py                    # benchmarks/results/training/*.csv to docs/images
    python scripts/training_curves.py --collect runs/*   # first, the CSV files from the runs' log.jsonl

A run is called by its folder's name; one of super-resolution has its scale in it (`live-x2`, `detail-x4-gan`).
`training.png` shows the PSNR of their held-out pictures by steps, a panel for each scale, and for adversarial ones how
often the discriminator is right; `style_training.png` shows the losses of all others, averaged over their neighbours.
Needs `pip install 'streamsr[bench]'`.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt  # only once it knows that there is no screen

ROOT = Path(__file__).resolve().parents[1]
CURVES = ROOT / "benchmarks" / "results" / "training"
IMAGES = ROOT / "docs" / "images"
ROWS_MOST = 250
"""Of what is logged often; every evaluation is kept."""
LOSSES = {
    "style": "loss of style",
    "content": "loss of content",
    "sway": "change without a reason, mean squared",
    "cycle": "what a cycle loses",
    "fool": "how little the discriminators are fooled",
}
"""Logged losses of stylizers, and what they are."""
BALANCE = ("judge", "real_accuracy", "fake_accuracy", "diversity")
COLUMNS = ("step", "cpu", "loss", "psnr", *LOSSES, *BALANCE)
NEIGHBOURS = 15

Rows = list[dict[str, float]]


def main() -> None:
    """Collect if asked to, then draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collect", type=Path, nargs="+", default=[], metavar="RUN", help="folders with a log.jsonl")
    for run in parser.parse_args().collect:
        if (run / "log.jsonl").is_file():
            print(collect(run))
    runs = {path.stem: read(path) for path in sorted(CURVES.glob("*.csv"))}
    if not runs:
        parser.error(f"there are no curves in {CURVES}: collect some")
    enlarging = {name: rows for name, rows in runs.items() if _scale(name)}
    for name, drawn in (("training.png", draw(enlarging)), ("style_training.png", draw_losses(runs, set(enlarging)))):
        drawn.tight_layout()
        drawn.savefig(IMAGES / name, dpi=110, metadata={"Software": None})
        print(IMAGES / name)


def collect(run: Path) -> Path:
    """Write what a run logged as CSV."""
    rows = _rows((run / "log.jsonl").read_text("utf-8").splitlines())
    every = -(-len(rows) // ROWS_MOST)
    kept = [row for index, row in enumerate(rows) if index % every == 0 or "psnr" in row]
    CURVES.mkdir(parents=True, exist_ok=True)
    path = CURVES / f"{run.resolve().name}.csv"
    columns = [name for name in COLUMNS if any(name in row for row in kept)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_text(row.get(name)) for name in columns] for row in kept)
    return path


def _rows(lines: list[str]) -> list[dict[str, Any]]:
    """One row a step. A run that was killed goes on from an earlier step: what came after that one was lost."""
    rows: list[dict[str, Any]] = []
    for line in lines:
        record = json.loads(line)
        while rows and rows[-1]["step"] > record["step"]:
            rows.pop()
        if rows and rows[-1]["step"] == record["step"]:
            rows[-1].update(record)
        else:
            rows.append(record)
    return rows


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def read(path: Path) -> Rows:
    """The rows of a CSV file; what was not logged at a step is not there."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]


def draw(runs: dict[str, Rows]) -> Any:
    """The figure of the runs of super-resolution."""
    scales = sorted({_scale(name) for name in runs})
    adversarial = {name: rows for name, rows in runs.items() if any("real_accuracy" in row for row in rows)}
    figure, axes = plt.subplots(
        1, len(scales) + bool(adversarial), figsize=(5.5 * (len(scales) + bool(adversarial)), 4), squeeze=False
    )
    for axis, scale in zip(axes[0], scales, strict=False):
        _fidelity(axis, scale, {name: rows for name, rows in runs.items() if _scale(name) == scale})
    if adversarial:
        _balance(axes[0][-1], adversarial)
    return figure


def draw_losses(runs: dict[str, Rows], without: set[str]) -> Any:
    """The figure of the other runs: a panel for each loss that one of them logged."""
    runs = {name: rows for name, rows in runs.items() if name not in without}
    logged = [loss for loss in LOSSES if any(loss in row for rows in runs.values() for row in rows)]
    columns = max(1, len(logged))
    figure, axes = plt.subplots(1, columns, figsize=(4.5 * columns, 4), squeeze=False)
    for axis, loss in zip(axes[0], logged, strict=False):
        for index, (name, rows) in enumerate(runs.items()):
            points = [(row["step"] / 1000, row[loss]) for row in rows if loss in row]
            if points:
                steps, values = zip(*points, strict=True)
                axis.plot(steps, _averaged(values), f"C{index}", label=name, linewidth=1.2)
        axis.set_yscale("log")
        axis.legend(fontsize=8)
        _labelled(axis, loss, LOSSES[loss])
    return figure


def _averaged(values: Sequence[float]) -> list[float]:
    """Each value's mean with its neighbours: the losses of single batches differ by whole factors."""
    reach = NEIGHBOURS // 2
    return [mean(values[max(0, i - reach) : i + reach + 1]) for i in range(len(values))]


def _fidelity(axis: Any, scale: str, runs: dict[str, Rows]) -> None:
    for name, rows in runs.items():
        points = [(row["step"] / 1000, row["psnr"]) for row in rows if "psnr" in row]
        if points:
            axis.plot(*zip(*points, strict=True), label=f"{name}: {points[-1][1]:.2f} dB", linewidth=1.2)
    bottom = [row["psnr"] for rows in runs.values() for row in rows if "psnr" in row]
    if bottom:
        axis.set_ylim(max(min(bottom), max(bottom) - 3) - 0.1, max(bottom) + 0.1)
        axis.legend(fontsize=8, loc="lower right")
    _labelled(axis, f"{scale}x", "PSNR-Y of held-out pictures, dB")


def _balance(axis: Any, runs: dict[str, Rows]) -> None:
    for name, rows in runs.items():
        points = [
            (row["step"] / 1000, (row["real_accuracy"] + row["fake_accuracy"]) / 2)
            for row in rows
            if "real_accuracy" in row
        ]
        axis.plot(*zip(*points, strict=True), label=name, linewidth=1.2)
    for bound in (0.5, 0.95):
        axis.axhline(bound, color="gray", linewidth=0.8, linestyle=":")
    axis.set_ylim(0.4, 1.0)
    axis.legend(fontsize=8, loc="lower right")
    _labelled(axis, "balance", "how often the discriminator is right")


def _labelled(axis: Any, title: str, meaning: str) -> None:
    axis.set_title(title, fontsize=10)
    axis.set_xlabel("thousand steps")
    axis.set_ylabel(meaning)
    axis.grid(alpha=0.3)


def _scale(name: str) -> str:
    found = re.search(r"-x(\d+)", name)
    return found[1] if found else ""


if __name__ == "__main__":
    main()
