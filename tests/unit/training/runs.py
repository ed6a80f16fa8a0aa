"""Tiny runs: images and recipes that take a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

TINY = {
    "name": "tiny",
    "generator": {"config": {"scale": 2, "width": 4, "depth": 1}},
    "data": {"patch": 12, "batch": 2, "candidates": 2},
    "optim": {"steps": 12, "lr": 4e-3, "ema": 0.9},
    "loss": {"finish_share": 0.5},
    "run": {"threads": 1, "log_every": 1, "checkpoint_every": 4, "evaluate_every": 6},
}


def tables(**changes: dict[str, Any]) -> dict[str, Any]:
    """`TINY` with some tables extended."""
    merged = {key: {**value} if isinstance(value, dict) else value for key, value in TINY.items()}
    for key, change in changes.items():
        merged[key] = {**merged.get(key, {}), **change}
    return merged


def write_images(folder: Path, count: int = 2, side: int = 64) -> Path:
    """Waves, gray, lossless."""
    folder.mkdir()
    y, x = np.mgrid[:side, :side]
    for index in range(count):
        waves = 127 + 60 * np.sin(x / (2 + index)) + 60 * np.cos(y / 3 + x / 9)
        cv2.imwrite(str(folder / f"{index}.png"), waves.astype(np.uint8))
    return folder
