"""`streamsr eval`: quality, measured."""

from __future__ import annotations

import json as json_module
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import eval_temporal

if TYPE_CHECKING:
    from exporters.evaluate import Score

app = typer.Typer(help="Measure the quality of models.", no_args_is_help=True)
app.command(epilog=eval_temporal.EPILOG)(eval_temporal.temporal)


@app.callback()
def _commands() -> None:
    """Measure the quality of models."""


@app.command()
def sr(
    model: Annotated[
        list[str],
        typer.Option(
            "--model", "-m", help="A model, an ONNX file, a .safetensors checkpoint, or a method (lanczos); repeatable."
        ),
    ],
    hr: Annotated[list[Path], typer.Option(help="Folder of true images; more may follow, searched in turn.")],
    more_hr: Annotated[list[Path] | None, typer.Argument(metavar="DIR", help="More folders of true images.")] = None,
    lr: Annotated[
        Path | None, typer.Option(help="Folder of the small images.  [default: made with MATLAB's bicubic]")
    ] = None,
    scale: Annotated[int | None, typer.Option(min=1, max=16, help="Of methods.  [default: the models']")] = None,
    per_image: Annotated[bool, typer.Option("--per-image", help="A line for each image too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """PSNR-Y and SSIM-Y of super-resolution on a set of images, bicubic beside it.

    By the literature's rule: 8-bit BT.601 luma, as many pixels cropped from each side as the scale says.

    Examples: `streamsr eval sr --model live-x2 --hr Set5/HR --lr Set5/LR_x2`, `streamsr eval sr --model bicubic --model
    lanczos --scale 2 --hr photos/`
    """
    from exporters.candidates import candidates
    from exporters.evaluate import mean, score
    from exporters.pairs import read_pairs

    contest, scale = candidates(model, scale)
    results: dict[str, list[Score]] = {name: [] for name in contest}
    width = max(map(len, results))
    for scores in score(contest, read_pairs([*hr, *(more_hr or ())], lr, scale), scale):
        for name, one in scores.items():
            results[name].append(one)
            if per_image:
                typer.echo(_line(name, width, scale, one.image, asdict(one), json))
    for name, each in results.items():
        typer.echo(_line(name, width, scale, f"{len(each)} images", asdict(mean(each)), json))


def _line(name: str, width: int, scale: int, what: str, figures: dict[str, float], json: bool) -> str:
    if json:
        exact = figures["psnr"] == math.inf  # the same picture; JSON has no infinity
        return json_module.dumps({"model": name, "scale": scale, **figures} | ({"psnr": None} if exact else {}))
    return f"{name:<{width}}  x{scale}  {figures['psnr']:6.2f} dB  {figures['ssim']:.4f}  {what}"
