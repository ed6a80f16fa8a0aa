"""The card of a trained model: what it is, how good it is, and what it learned from, none of it typed by hand twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamsr.spec import ModelSpec

    from .bundle import About, Metrics

SHAPES = {"luma": "1", "rgb": "3"}
MEANINGS = {
    "luma": "luma code / peak, limited or full range; not clipped",
    "rgb": "red, green, blue in [0, 1]; not clipped",
}


@dataclass(frozen=True, slots=True)
class Training:
    """What the checkpoint tells of its origin, and the credits of the pictures it learned from."""

    facts: Mapping[str, Any]
    credits: str
    """Markdown: where the pictures come from, by licence."""


def card(spec: ModelSpec, about: About, weights: int, metrics: Mapping[str, Metrics], training: Training) -> str:
    """Markdown for `models/NAME.md`; `metrics` are by precision and by `<set>_psnr`, `<set>_ssim`."""
    sections = [
        f"# {spec.name}",
        about.description,
        _properties(spec, about, weights),
        "## Quality",
        "PSNR-Y in dB / SSIM-Y by the literature's rule (BT.601 limited luma rounded to 8 bits, as many pixels cropped "
        "as the scale says, MATLAB bicubic input):",
        _quality(spec, metrics),
        f"    streamsr eval sr --model {spec.name} --hr Set5/HR --lr Set5/LR_x{spec.scale}",
        "Set5 was watched while settings were chosen, Set14 was not. `docs/models.md` has the family side by side.",
        "## Training",
        _origin(training.facts),
        *([about.notes] if about.notes else []),
        "## Training data",
        training.credits.strip(),
        "## Limits",
        "\n".join(f"- {limit}" for limit in about.limits),
    ]
    return "\n\n".join(sections) + "\n"


def _properties(spec: ModelSpec, about: About, weights: int) -> str:
    channels, scale = SHAPES[spec.color], spec.scale
    rows = {
        "Weights": f"{weights:,}".replace(",", " "),
        "Input, output": f"`(1, {channels}, H, W)` to `(1, {channels}, {scale}H, {scale}W)`, {MEANINGS[spec.color]}",
        "Receptive field": f"{spec.halo} pixels around each pixel (`halo`)",
        "Licence": about.licence,
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _quality(spec: ModelSpec, metrics: Mapping[str, Metrics]) -> str:
    sets = [key.removesuffix("_psnr") for key in metrics["fp32"] if key.endswith("_psnr")]
    lines = ["| | " + " | ".join(name.capitalize() for name in sets) + " |", "|---" * (len(sets) + 1) + "|"]
    for precision, figures in metrics.items():
        name = spec.name if precision == "fp32" else f"{spec.name}.{precision}"
        values = [f"{figures[f'{each}_psnr']:.2f} / {figures[f'{each}_ssim']:.4f}" for each in sets]
        lines.append(f"| **{name}** | " + " | ".join(values) + " |")
    return "\n".join(lines)


def _origin(facts: Mapping[str, Any]) -> str:
    recipe = facts["recipe"]
    start = recipe["generator"]["start"]
    begun = f", from the weights of `{start}`" if start else ""
    steps, minutes = f"{facts['step']:,}".replace(",", " "), facts["cpu_seconds"] / 60
    return (
        f"`streamsr/training/recipes/{recipe['name']}.toml`: {steps} steps{begun}; {minutes:.0f} minutes "
        f"of CPU time in all.\n\n    streamsr train sr {recipe['name']} --data FOLDER --out runs/{recipe['name']}\n"
        f"    python -m exporters.bundle {recipe['name']} --eval FOLDER --data FOLDER"
    )
