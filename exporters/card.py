"""The card of a trained model: what it is, how good it is, and what it learned from, none of it typed by hand twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamsr.zoo.artworks import artworks

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
    style = spec.task == "style"
    sections = [
        f"# {spec.name}",
        about.description,
        _properties(spec, about, weights),
        *(["## Styles", _styles(spec)] if style else []),
        "## Quality",
        *(_likeness(spec, metrics) if style else _quality(spec, metrics)),
        "## Training",
        _origin(training.facts, "style" if style else "sr"),
        *([about.notes] if about.notes else []),
        "## Training data",
        training.credits.strip(),
        "## Limits",
        "\n".join(f"- {limit}" for limit in about.limits),
    ]
    return "\n\n".join(sections) + "\n"


def _properties(spec: ModelSpec, about: About, weights: int) -> str:
    channels, scale = SHAPES[spec.color], spec.scale
    times = "" if scale == 1 else str(scale)
    told = {"Controls": f"`style_weights` `(1, {len(spec.conditioning)})`, `strength` `(1, 1)`"}
    rows = {
        "Weights": f"{weights:,}".replace(",", " "),
        "Input, output": f"`(1, {channels}, H, W)` to `(1, {channels}, {times}H, {times}W)`, {MEANINGS[spec.color]}",
        **(told if spec.conditioning else {}),
        "Receptive field": f"{spec.halo} pixels around each pixel (`halo`)",
        "Licence": about.licence,
    }
    return _table(["", ""], rows.items())


def _styles(spec: ModelSpec) -> str:
    rows = [(f"`{style}`", str(artworks()[style]), artworks()[style].licence) for style in spec.conditioning]
    return _table(["style", "artwork", "licence"], rows)


def _quality(spec: ModelSpec, metrics: Mapping[str, Metrics]) -> list[str]:
    sets = [key.removesuffix("_psnr") for key in metrics["fp32"] if key.endswith("_psnr")]
    cells = {
        key: {each: f"{figures[f'{each}_psnr']:.2f} / {figures[f'{each}_ssim']:.4f}" for each in sets}
        for key, figures in metrics.items()
    }
    return [
        "PSNR-Y in dB / SSIM-Y by the literature's rule (BT.601 limited luma rounded to 8 bits, as many pixels cropped "
        "as the scale says, MATLAB bicubic input):",
        _by_set(spec, cells),
        f"    streamsr eval sr --model {spec.name} --hr Set5/HR --lr Set5/LR_x{spec.scale}",
        "Set5 was watched while settings were chosen, Set14 was not. `docs/models.md` has the family side by side.",
    ]


def _likeness(spec: ModelSpec, metrics: Mapping[str, Metrics]) -> list[str]:
    shown = "`docs/stylization.md` shows what it paints, and says how still it holds."
    if "int8" not in metrics:
        return [shown]
    figures, styles = metrics["int8"], spec.conditioning
    ending = f"_{styles[0]}_psnr"
    sets = [key.removesuffix(ending) for key in figures if key.endswith(ending)]
    rows = [[f"`{style}`", *(f"{figures[f'{each}_{style}_psnr']:.1f}" for each in sets)] for style in styles]
    return [shown, f"{spec.name}.int8 against {spec.name}, PSNR in dB:", _table(["", *map(str.capitalize, sets)], rows)]


def _by_set(spec: ModelSpec, cells: Mapping[str, Mapping[str, str]]) -> str:
    """A row for each precision, a column for each set."""
    names = {precision: spec.name if precision == "fp32" else f"{spec.name}.{precision}" for precision in cells}
    rows = [[f"**{names[precision]}**", *values.values()] for precision, values in cells.items()]
    return _table(["", *map(str.capitalize, cells["fp32"])], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join([_line(head), "|---" * len(head) + "|", *map(_line, rows)])


def _line(cells: Sequence[str]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def _origin(facts: Mapping[str, Any], kind: str) -> str:
    recipe = facts["recipe"]
    start = recipe["generator"]["start"]
    begun = f", from the weights of `{start}`" if start else ""
    steps, minutes = f"{facts['step']:,}".replace(",", " "), facts["cpu_seconds"] / 60
    pictures = "--data FOLDER --art FOLDER" if kind == "style" else "--data FOLDER"
    return (
        f"`streamsr/training/recipes/{recipe['name']}.toml`: {steps} steps{begun}; {minutes:.0f} minutes "
        f"of CPU time in all.\n\n    streamsr train {kind} {recipe['name']} {pictures} --out runs/{recipe['name']}\n"
        f"    python -m exporters.bundle {recipe['name']} --eval FOLDER --data FOLDER"
    )
