"""`streamsr import`: somebody else's checkpoint becomes a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options as o
from .files import new_model

EPILOG = (
    "Examples: `streamsr import realesr-animevideov3.pth -o anime-x4.onnx --licence BSD-3-Clause`, then "
    "`streamsr upscale in.mp4 out.mp4 --model anime-x4.onnx`"
)


def import_model(
    checkpoint: Annotated[Path, typer.Argument(help="A .pth, .pt, .ckpt or .safetensors file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the ONNX file goes.")],
    name: Annotated[str | None, typer.Option(help="What the model is called.  [default: the file's name]")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights, as an SPDX identifier.")] = "",
    activation: Annotated[
        str | None, typer.Option(help="relu or leakyrelu: of the few Compact networks that do not say.")
    ] = None,
    overwrite: o.Overwrite = False,
) -> None:
    """Write a third-party checkpoint as an ONNX model.

    Compact (SRVGGNetCompact), ESRGAN / Real-ESRGAN and SPAN are read natively; some forty others through spandrel, with
    `pip install 'streamsr[import]'`. No code in the file is run. The result is compared with torch before it is kept.
    """
    with new_model(output, overwrite=overwrite) as path:
        from exporters.third_party.convert import import_checkpoint

        from ..spec import ModelSpec

        spec = ModelSpec(name or output.stem, licence=licence)
        spec = import_checkpoint(checkpoint, path, spec, activation)
    typer.echo(spec.description)
    typer.echo(f"{output}: {spec.color}, x{spec.scale}, halo {spec.halo}, {output.stat().st_size} bytes")
