"""`streamsr export`: a checkpoint becomes a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..spec import ModelSpec
from . import options as o
from .files import new_model


def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the ONNX file goes.")],
    checkpoint: Annotated[Path | None, typer.Argument(help="A .safetensors checkpoint.")] = None,
    generator: Annotated[
        str | None, typer.Option(help="A generator without weights, in place of a checkpoint: bicubic, lanczos, …")
    ] = None,
    scale: Annotated[int | None, typer.Option(min=1, max=16, help="Of --generator.")] = None,
    color: Annotated[str, typer.Option(help="Of --generator: luma or rgb.")] = "luma",
    name: Annotated[str | None, typer.Option(help="What the model is called.  [default: the file's name]")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights, as an SPDX identifier.")] = "",
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Compare the file's results with the checkpoint's.")
    ] = True,
    overwrite: o.Overwrite = False,
) -> None:
    """Write a generator as an ONNX model: collapsed, height and width free.

    Examples: `streamsr export runs/live/model.safetensors -o live.onnx`, `streamsr export --generator lanczos --scale 2
    -o lanczos-x2.onnx`
    """
    if (checkpoint is None) == (generator is None):
        raise o.UsageError("give a checkpoint, or --generator for one without weights")
    if (scale is None) != (generator is None):
        raise o.UsageError("--scale belongs to --generator: a checkpoint has its scale")
    with new_model(output, overwrite=overwrite) as path:
        from exporters.candidates import method
        from exporters.onnx import check_parity, read_checkpoint, to_onnx, write_model

        if checkpoint is not None:
            network, spec = read_checkpoint(checkpoint)
        else:
            network = method(generator or "", scale or 1, color)
            spec = ModelSpec(output.stem, description=f"{generator} interpolation, no weights")
        proto, spec = to_onnx(network, replace(spec, name=name or output.stem, licence=licence))
        difference = check_parity(proto, network) if verify else None
        write_model(proto, path)
    size = f"{output}: {spec.color}, x{spec.scale}, halo {spec.halo}, {output.stat().st_size} bytes"
    typer.echo(size if difference is None else f"{size}; differs from torch by {difference:.1e} at most")
