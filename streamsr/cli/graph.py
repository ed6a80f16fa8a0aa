"""`streamsr graph`: the frame graph itself, to look at or to run elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options as o
from .files import new_file


def graph(
    model: Annotated[list[str], typer.Argument(help="Model name or ONNX file; several make a chain.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the ONNX file goes.")],
    size: Annotated[str, typer.Option(help="Input size.")] = "640x360",
    pix_fmt: Annotated[str, typer.Option(help="Input pixel format, as ffmpeg spells it.")] = "yuv420p",
    output_pix_fmt: Annotated[str | None, typer.Option(help="Output pixel format.  [default: the input's]")] = None,
    no_fold: Annotated[
        bool, typer.Option("--no-fold", help="Leave colour conversion outside the convolutions.")
    ] = False,
    overwrite: o.Overwrite = False,
) -> None:
    """Write the frame graph of a chain: one ONNX file from the decoder's planes to the encoder's.

    Example: `streamsr graph live-x2 --size 640x360 --pix-fmt yuv420p -o live-x2-360p.onnx`, then open it in Netron.
    """
    from ..color import Color
    from ..graph.frame_graph import build_frame_graph
    from ..graph.model import load_model
    from ..graph.stream import StreamFormat
    from ..layout import pixel_layout
    from ..media.output import check_target
    from ..zoo.catalog import resolve

    check_target(output, overwrite=overwrite)
    source = StreamFormat(*o.parse_size(size), pixel_layout(pix_fmt), Color())
    target = pixel_layout(output_pix_fmt) if output_pix_fmt else None
    models = [load_model(resolve(name).path) for name in model]
    built = build_frame_graph(models, source, target, fold=not no_fold)
    with new_file(output, overwrite=overwrite) as path:
        path.write_bytes(built.proto.SerializeToString())
    tensors = (*built.proto.graph.input, *built.proto.graph.output)
    for tensor in tensors:
        shape = "x".join(str(dim.dim_value) for dim in tensor.type.tensor_type.shape.dim)
        typer.echo(f"{tensor.name}: uint8 {shape}")
