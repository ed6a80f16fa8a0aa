"""Make models of the zoo from their checkpoints: export, quantize, measure, and enter them in the manifest.

    python -m exporters.bundle live-x2 style-live --eval FOLDER [--data FOLDER]

A model NAME is `checkpoints/NAME.safetensors` with `checkpoints/NAME.toml` (`About`) beside it, in the zoo's folder; it
gets a card, `models/NAME.md`. It is measured on every set of `--eval` (folders as `pairs.read_set` takes them). int8
is calibrated on patches of the images under `--data` that the checkpoint's own recipe names, downscaled.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamsr.errors import ConfigError
from streamsr.graph.model import Model, load_model
from streamsr.spec import ModelSpec
from streamsr.training.images import find_images
from streamsr.zoo.catalog import HOME, INT8

from .calibration import EVERY_IMAGE, calibration_images
from .card import Training, card
from .evaluate import evaluate, model_upscale
from .likeness import likeness
from .manifest import note_model
from .onnx import export_generator, read_checkpoint, seal, write_model
from .pairs import read_set
from .quantize import quantize

if TYPE_CHECKING:
    from streamsr.generators.base import Generator

Metrics = dict[str, float]


@dataclass(frozen=True, slots=True)
class About:
    """What is said about a model beside what its checkpoint knows."""

    summary: str
    """One line, for lists."""
    group: str
    """The heading it is listed under."""
    description: str
    licence: str
    training_data: str
    int8: bool = False
    """Whether there is an int8 variant."""
    keep_float: tuple[str, ...] = ()
    """Convolutions that int8 leaves alone."""
    notes: str = ""
    """For the card: what is to be said of the training."""
    limits: tuple[str, ...] = ()
    """For the card: what the model cannot do."""
    card: str = ""
    """File name of the card in `models/`; empty: the model's own."""


def read_about(path: Path) -> About:
    """Read a TOML file with the fields of `About`.

    Raises:
        ConfigError: it cannot be read, or has unknown or missing keys.
    """
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        return About(**table | {key: tuple(table.get(key, ())) for key in ("keep_float", "limits")})
    except (OSError, TypeError, ValueError) as error:
        raise ConfigError(f"{path} does not describe a model: {error}") from error


def make_model(
    generator: Generator,
    spec: ModelSpec,
    about: About,
    sets: Mapping[str, Path],
    images: list[Path] | None = None,
    home: Path = HOME,
) -> dict[str, Metrics]:
    """Write a model, and its int8 variant if it is to have one, into the zoo; returns their figures by precision.

    Args:
        generator: the network with its weights.
        spec: name and provenance.
        about: what is said about it.
        sets: name -> folder of a benchmark set, for measuring.
        images: to calibrate int8 on.
        home: the zoo's folder.

    Raises:
        ConfigError: int8 is wanted, but there are no images to calibrate it on.
        ExportError: the files would not compute what the generator computes.
    """
    if about.int8 and not images:
        raise ConfigError(f"{spec.name} is to have an int8 variant: name the training images with --data")
    spec = replace(spec, description=about.description, licence=about.licence, training_data=about.training_data)
    files = {"fp32": home / "models" / f"{spec.name}.onnx"}
    spec = export_generator(generator, files["fp32"], spec)
    metrics = {"fp32": note_quality(files["fp32"], files["fp32"], sets)}
    if about.int8 and images:
        files[INT8] = home / "models" / f"{spec.name}.{INT8}.onnx"
        calibration = calibration_images(images, load_model(files["fp32"]))
        quantize(files["fp32"], files[INT8], calibration, about.keep_float)
        metrics[INT8] = note_quality(files[INT8], files["fp32"], sets)
    facts: dict[str, str | int] = {
        "group": about.group,
        "task": spec.task,
        "summary": about.summary,
        "scale": spec.scale,
        "color": spec.color,
        "weights": weights_of(generator),
        "licence": spec.licence,
        "card": f"models/{about.card or spec.name + '.md'}",
    }
    note_model(spec.name, facts, files, home)
    return metrics


def write_card(name: str, about: About, metrics: Mapping[str, Metrics], home: Path = HOME) -> None:
    """Write `models/NAME.md` for a model that has a checkpoint in the zoo."""
    from streamsr.training.checkpoint import load_checkpoint

    saved = load_checkpoint(home / "checkpoints" / f"{name}.safetensors")
    training = Training(saved.facts, (home / "checkpoints" / "credits.md").read_text("utf-8"))
    spec = load_model(home / "models" / f"{name}.onnx").spec
    (home / "models" / f"{name}.md").write_text(
        card(spec, about, weights_of(saved.build()), metrics, training), "utf-8"
    )


def weights_of(generator: Generator) -> int:
    """Numbers that were learned, once branches are collapsed; of a stylizer, for all of its styles."""
    learned = generator if generator.task == "style" else generator.deploy()
    return sum(parameter.numel() for parameter in learned.parameters())


def note_quality(path: Path, original: Path, sets: Mapping[str, Path]) -> Metrics:
    """Measure a model file on benchmark sets (name -> folder) and write the figures into its metadata.

    There is no true picture for a stylizer's: it is compared with its `original`, the file it was quantized from.
    """
    model = load_model(path)
    if model.spec.task != "style":
        metrics = _fidelity(model, sets)
    else:
        metrics = likeness(model, load_model(original), sets) if path != original else {}
    write_model(seal(model.proto, replace(model.spec, metrics=metrics)), path)
    return metrics


def _fidelity(model: Model, sets: Mapping[str, Path]) -> Metrics:
    scale = model.spec.scale
    metrics: Metrics = {}
    for name, folder in sets.items():
        quality = evaluate(model_upscale(model), read_set(folder, scale), scale)
        metrics |= {f"{name}_psnr": round(quality.psnr, 3), f"{name}_ssim": round(quality.ssim, 4)}
    return metrics


def benchmark_sets(folder: Path) -> dict[str, Path]:
    """The sets in a folder, lower-case name -> its own folder: every one that `pairs.read_set` can read.

    Raises:
        ConfigError: there are none.
    """
    found = sorted((path.parent for path in folder.glob("*/HR")), key=lambda path: (len(path.name), path.name))
    sets = {path.name.lower(): path for path in found}
    if not sets:
        raise ConfigError(f"{folder} holds no benchmark set: a folder such as Set5 with the true images in Set5/HR")
    return sets


def trained_on(checkpoint: Path, data: Path) -> list[Path]:
    """The files under `data` that a checkpoint's recipe names; all images where it names none."""
    from streamsr.training.checkpoint import load_checkpoint

    section = load_checkpoint(checkpoint).facts.get("recipe", {}).get("data", {})
    return find_images(data, section.get("include", EVERY_IMAGE), section.get("exclude", ()))


def main() -> None:
    """Parse the command line, make the models, print their figures."""
    parser = argparse.ArgumentParser(description="Make models of the zoo from their checkpoints.")
    parser.add_argument("names", nargs="+", metavar="NAME", help="checkpoints/NAME.safetensors and NAME.toml")
    parser.add_argument("--eval", type=Path, required=True, help="folder of benchmark sets: Set5/HR, Set14/HR")
    parser.add_argument("--data", type=Path, help="the folder the recipes' globs are relative to, for int8")
    options = parser.parse_args()
    for name in options.names:
        checkpoint = HOME / "checkpoints" / f"{name}.safetensors"
        about = read_about(checkpoint.with_suffix(".toml"))
        generator, spec = read_checkpoint(checkpoint)
        images = trained_on(checkpoint, options.data) if about.int8 and options.data else None
        metrics = make_model(generator, spec, about, benchmark_sets(options.eval), images)
        write_card(name, about, metrics)
        for precision, figures in metrics.items():
            sys.stdout.write(f"{name} {precision}: {figures}\n")


if __name__ == "__main__":
    main()
