"""Results of stylization as Markdown: how still it holds, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isinf
from statistics import geometric_mean
from typing import Any

from .tables import NONE, Result, table

Figures = Mapping[str, Any]

METHOD = ("method", "E_warp, 1e-3", "sharpness", "E_n, 1e-3", "E_warp, x", "E_n, x", "occluded, dB", "ghosts")
FLOOR = "the input itself"
MEAN = ("method", "E_warp, x", "sharpness", "E_n, x", "ghosts")


def clip_table(figures: Mapping[str, Figures]) -> str:
    """Every method on one clip; last the input itself, whose noise no method can be calmer than."""
    yardstick = next(iter(figures.values()))
    floor = yardstick["e_warp_source"]
    last = [FLOOR, f"{1000 * floor:.2f}", NONE, NONE, f"{yardstick['e_warp'] / floor:.1f}", NONE, NONE, NONE]
    return table(METHOD, [*(_row(method, each) for method, each in figures.items()), last])


def mean_table(result: Result) -> str:
    """Geometric means over all clips and styles, and all frames that ghost."""
    return table(MEAN, list(_means(result["clips"])))


def stylize_table(result: Result) -> str:
    """Frames a second and CPU milliseconds a frame, by clip."""
    rows = [
        [clip, name, *(f"{figures[key]['median']:.1f}" for key in ("fps", "ms", "cpu_ms"))]
        for clip, costs in result["clips"].items()
        for name, figures in costs.items()
    ]
    return table(["clip", "what", "frames a second", "ms a frame", "CPU ms a frame"], rows, words=2)


def smoother_table(result: Result) -> str:
    """Milliseconds a frame of every smoother, by size: those that pass / those of all cores."""
    sizes = result["sizes"]
    rows = [[name, *(_times(sizes[size][name]) for size in sizes)] for name in next(iter(sizes.values()))]
    return table(["smoother", *sizes], rows)


def _times(figures: Figures) -> str:
    return " / ".join(f"{figures[key]['median']:.1f}" for key in ("wall_ms", "cpu_ms"))


def _row(method: str, score: Figures) -> list[str]:
    occluded, ghosts = score["psnr_occluded"], " ".join(map(str, score["ghosts"]))
    return [
        method,
        f"{1000 * score['e_warp']:.2f}",
        f"{score['sharpness']:.2f}",
        f"{1000 * score['e_n']:.2f}",
        f"{score['e_warp_gain']:.1f}",
        f"{score['e_n_gain']:.1f}",
        NONE if occluded is None or isinf(occluded) else f"{occluded:.1f}",
        ghosts or NONE,
    ]


def _means(clips: Mapping[str, Mapping[str, Figures]]) -> Iterator[list[str]]:
    first = next(iter(clips.values()))
    for method in first:
        scores = [figures[method] for figures in clips.values()]
        means = [geometric_mean([score[key] for score in scores]) for key in ("e_warp_gain", "sharpness", "e_n_gain")]
        ghosts = sum(sum(score["ghosts"] or ()) for score in scores)
        yield [method, *(f"{mean:.2f}" for mean in means), str(ghosts)]
    yardsticks = [figures[next(iter(first))] for figures in clips.values()]
    floor = geometric_mean([score["e_warp"] / score["e_warp_source"] for score in yardsticks])
    yield [FLOOR, f"{floor:.2f}", NONE, NONE, NONE]
