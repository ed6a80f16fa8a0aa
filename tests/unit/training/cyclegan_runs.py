"""Tiny CycleGAN runs: two kinds of pictures, and recipes that take a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

TINY: dict[str, Any] = {
    "name": "tiny",
    "generator": {"config": {"width": 4, "blocks": 1}},
    "judge": {"config": {"width": 4, "norm": "instance"}, "lr": 2e-3, "pool": 3},
    "a": {"heights": [32]},
    "b": {"heights": [32]},
    "data": {"patch": 24, "batch": 1},
    "optim": {"steps": 12, "lr": 2e-3, "ema": 0.9},
    "run": {"threads": 1, "log_every": 1, "checkpoint_every": 4, "evaluate_every": 6},
}


def tables(**changes: dict[str, Any]) -> dict[str, Any]:
    """`TINY` with some tables extended."""
    tables = {key: value for key, value in TINY.items() if isinstance(value, dict)}
    return TINY | {key: {**tables.get(key, {}), **changes.get(key, {})} for key in tables.keys() | changes.keys()}


def write_kinds(folder: Path, side: int = 32) -> tuple[Path, Path]:
    """Reddish waves across, and bluish ones down: `a` and `b`."""
    y, x = np.mgrid[:side, :side]
    for kind, tint, phase in (("a", (80, 120, 200), x / 5), ("b", (200, 120, 80), y / 5)):
        (folder / kind).mkdir(parents=True)
        for index in range(3):
            waves = 0.7 + 0.3 * np.sin(phase + index)
            picture = (waves[..., None] * np.array(tint)).astype(np.uint8)
            cv2.imwrite(str(folder / kind / f"{index}.png"), picture)
    return folder / "a", folder / "b"
