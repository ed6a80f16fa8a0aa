"""Tiny style runs: photographs, two artworks, a random backbone, and a recipe that takes a moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from streamsr.training.style_recipe import StyleRecipe, parse_style_recipe

from .backbone_files import picture, random_arrays

TINY = {
    "name": "tiny",
    "generator": {"config": {"widths": [8, 8, 8], "blocks": 1}},
    "art": {"files": {"waves": "waves.png", "blots": "blots.png"}, "size": 64},
    "data": {"heights": [40, 64], "patch": 32, "batch": 2},
    "loss": {
        "content_layers": {"relu1_2": 1.0},
        "style_layers": {"relu1_1": 1.0, "relu1_2@2": 1.0},
    },
    "lessons": {"plain": 0.3},
    "steady": {"weight": 10.0},
    "optim": {"method": "muon", "steps": 12, "lr": 2e-2, "ema": 0.9},
    "run": {"threads": 1, "log_every": 1, "checkpoint_every": 5, "evaluate_every": 6},
}


@dataclass(frozen=True, slots=True)
class Studio:
    """The folders of photographs and artworks, and the backbone's file."""

    photos: Path
    art: Path
    backbone: Path

    @classmethod
    def build(cls, folder: Path) -> Studio:
        """Write everything into `folder`."""
        studio = cls(folder / "photos", folder / "art", folder / "vgg.npz")
        for each in (studio.photos, studio.art):
            each.mkdir(parents=True)
        for index in range(2):
            _write(studio.photos / f"{index}.png", picture(64, 80, index)[0].permute(1, 2, 0).numpy())
        y, x = np.mgrid[:80, :64]
        waves = 0.5 + 0.4 * np.sin(x / 3 + np.cos(y / 5) * 2)[..., None] * [1.0, 0.5, -0.6]
        _write(studio.art / "waves.png", waves)
        _write(studio.art / "blots.png", np.stack([x % 16 < 9, y % 12 < 5, (x + y) % 20 < 9], -1) * 0.8)
        np.savez(studio.backbone, **random_arrays("vgg19"))  # type: ignore[arg-type, unused-ignore]
        return studio

    def recipe(self, **changes: Any) -> StyleRecipe:
        """`TINY` with some tables extended."""
        merged: dict[str, Any] = {**TINY, "perceptual": {"file": str(self.backbone)}}
        for key, change in changes.items():
            merged[key] = {**merged.get(key, {}), **change}
        return parse_style_recipe(merged)


def _write(path: Path, rgb: Any) -> None:
    cv2.imwrite(str(path), (np.asarray(rgb)[..., ::-1] * 255).round().clip(0, 255).astype(np.uint8))
