"""The figures of a video over time, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from ...errors import MissingDependencyError
from .meter import GHOST, FrameFigures

CURVES = {"e_warp_source": "input", "e_warp_reference": "unsmoothed", "e_warp": "output"}


def draw(figures: Sequence[FrameFigures], title: str) -> bytes:
    """A PNG of the warping error, the sharpness and the distance from the unsmoothed video, by frames; cuts are lines.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError(error.name or "matplotlib", "bench", "a plot") from error
    compared = any(each.psnr is not None for each in figures)
    sheet = Figure(figsize=(9, 7.5 if compared else 5.2), layout="constrained")
    axes = sheet.subplots(3 if compared else 2, 1, sharex=True)
    sheet.suptitle(title, fontsize=10)
    for field, name in CURVES.items():
        _curve(axes[0], figures, field, name)
    axes[0].set_yscale("log")
    axes[0].legend(fontsize=8)
    _labelled(axes[0], figures, "E_warp")
    _curve(axes[1], figures, "sharpness", "output")
    _labelled(axes[1], figures, "sharpness")
    if compared:
        _curve(axes[2], figures, "psnr", "output")
        axes[2].axhline(GHOST, color="gray", linewidth=0.8, linestyle=":")
        _labelled(axes[2], figures, "PSNR to unsmoothed, dB")
    axes[-1].set_xlabel("frame")
    png = BytesIO()
    sheet.savefig(png, dpi=110, metadata={"Software": None})
    return png.getvalue()


def _curve(axis: Any, figures: Sequence[FrameFigures], field: str, name: str) -> None:
    points = [(each.frame, getattr(each, field)) for each in figures if getattr(each, field) is not None]
    if points:
        axis.plot(*zip(*points, strict=True), label=name, linewidth=1.1)


def _labelled(axis: Any, figures: Sequence[FrameFigures], meaning: str) -> None:
    for each in figures:
        if each.cut:
            axis.axvline(each.frame, color="firebrick", linewidth=0.8, linestyle="--")
    axis.set_ylabel(meaning)
    axis.grid(alpha=0.3)
