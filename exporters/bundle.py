"""Make a model of the zoo from its checkpoint: export, quantize, measure, and note the files' hashes.

    python -m exporters.bundle live-x2 --data FOLDER --set5 FOLDER --about streamsr/zoo/checkpoints/live-x2.toml

Calibration images are patches of the images the checkpoint's own recipe names, downscaled as in training.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from streamsr.graph.model import load_model
from streamsr.training.checkpoint import load_checkpoint
from streamsr.training.data import Patches, find_images, load_pairs
from streamsr.training.recipe import DataSection, Recipe, parse_recipe
from streamsr.zoo.catalog import HOME, sha256_of

from .evaluate import evaluate, model_upscale, read_pairs
from .onnx import export_onnx, seal
from .quantize import quantize

CALIBRATION = DataSection(patch=128, batch=128)


def calibration_images(recipe: Recipe, data: Path) -> list[npt.NDArray[np.float32]]:
    """Low-resolution luma patches `(1, 1, 128, 128)` in [0, 1] of the recipe's own images under `data`."""
    images = find_images(data, recipe.data.include, recipe.data.exclude)
    low, _ = Patches(load_pairs(images, recipe.scale), recipe.scale, CALIBRATION, recipe.run.seed).batch(0)
    return list(low[:, None].numpy())


def note_quality(path: Path, sets: Mapping[str, Path]) -> dict[str, float]:
    """Measure the model on benchmark sets (name -> folder of true images) and write the figures into its metadata."""
    model = load_model(path)
    metrics: dict[str, float] = {}
    for name, folder in sets.items():
        quality = evaluate(model_upscale(model), read_pairs([folder], None, model.spec.scale), model.spec.scale)
        metrics |= {f"{name}_psnr": round(quality.psnr, 3), f"{name}_ssim": round(quality.ssim, 4)}
    path.write_bytes(seal(model.proto, replace(model.spec, metrics=metrics)).SerializeToString())
    return metrics


def note_hashes(home: Path = HOME) -> None:
    """Bring the manifest's sha256 lines up to date with the files."""
    manifest = home / "manifest.toml"
    text = manifest.read_text("utf-8")
    for table in tomllib.loads(text).values():
        head, section = text.split(f'path = "{table["path"]}"', 1)
        text = f'{head}path = "{table["path"]}"' + section.replace(table["sha256"], sha256_of(home / table["path"]), 1)
    manifest.write_text(text, "utf-8")


def main() -> None:
    """Parse the command line, write `<name>.onnx` and `<name>.int8.onnx`, print their figures."""
    parser = argparse.ArgumentParser(description="Make a model of the zoo from its checkpoint.")
    parser.add_argument("name", help="checkpoints/<name>.safetensors in the zoo's folder")
    parser.add_argument("--data", type=Path, required=True, help="the folder the recipe's globs are relative to")
    parser.add_argument("--about", type=Path, required=True, help="TOML: fields of ModelSpec")
    parser.add_argument("--set5", type=Path, required=True, help="folder of Set5's true images")
    options = parser.parse_args()
    checkpoint = HOME / "checkpoints" / f"{options.name}.safetensors"
    plain, int8 = (HOME / "models" / f"{options.name}{suffix}.onnx" for suffix in ("", ".int8"))
    about: dict[str, Any] = tomllib.loads(options.about.read_text("utf-8"))
    export_onnx(checkpoint, plain, **about)
    recipe = parse_recipe(load_checkpoint(checkpoint).facts["recipe"], str(checkpoint))
    quantize(plain, int8, calibration_images(recipe, options.data))
    for path in (plain, int8):
        sys.stdout.write(f"{path.name}: {note_quality(path, {'set5': options.set5})}\n")
        onnx.checker.check_model(path, full_check=True)
    note_hashes()


if __name__ == "__main__":
    main()
