"""`streamsr stylize-image`: one picture painted slowly, by optimization."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from ..errors import MissingDependencyError
from .files import new_file, write_picture
from .options import Overwrite, Quiet, UsageError

EPILOG = """Examples:

    streamsr stylize-image --optimize photo.jpg great_wave.jpg painted.png --perceptual vgg19.npz

    streamsr stylize-image --optimize photo.jpg great_wave.jpg painted.png --perceptual vgg19.npz --size 720 --beta 30
"""


def stylize_image(
    content: Annotated[Path, typer.Argument(help="The picture to be painted.")],
    style: Annotated[Path, typer.Argument(help="The artwork.")],
    out: Annotated[Path, typer.Argument(help="A PNG, JPEG, WebP or TIFF file.")],
    perceptual: Annotated[Path, typer.Option(help="Weights of VGG-19 up to conv3_4, an .npz file.")],
    optimize: Annotated[bool, typer.Option("--optimize", help="By optimization; `stylize` takes a network.")] = False,
    size: Annotated[int, typer.Option(min=32, max=4096, help="Pixels of the longer side, at most.")] = 512,
    style_size: Annotated[
        int | None,
        typer.Option(min=32, max=4096, help="Of the artwork's longer side: strokes grow with it.  [default: size]"),
    ] = None,
    alpha: Annotated[float, typer.Option(min=0, help="Weight of the content.")] = 1.0,
    beta: Annotated[float, typer.Option(min=0, help="Weight of the style.")] = 10.0,
    steps: Annotated[int, typer.Option(min=1, help="Of L-BFGS, at most.")] = 200,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Paint a picture like an artwork by changing its pixels (Gatys et al., 2016).

    It takes minutes, and shows what a style can be at best: the yardstick for the networks of `stylize`, which take
    milliseconds.
    """
    if not optimize:
        raise UsageError("stylize-image works by optimization: say --optimize; `streamsr stylize` paints by a network")
    try:
        from ..training.backbones import load_backbone
        from ..training.gatys import paint
        from ..training.images import read_rgb
        from ..training.painting import PaintingConfig
        from ..training.style_data import to_image, to_tensor, within
    except ImportError as error:
        raise MissingDependencyError(error.name or "torch", "train", "optimization") from error
    backbone = load_backbone(perceptual)
    photo, artwork = (
        to_tensor(within(read_rgb(path), side)) for path, side in ((content, size), (style, style_size or size))
    )
    weights = PaintingConfig(content=alpha, style=beta)
    with new_file(out, overwrite=overwrite) as path:
        painted = paint(backbone, photo, artwork, weights, steps, None if quiet else _Line(steps).show)
        write_picture(path, to_image(painted))
    typer.echo(out)


class _Line:
    """Progress on standard error: one live line on a terminal, a plain one now and then elsewhere."""

    def __init__(self, steps: int) -> None:
        self._steps, self._started, self._shown = steps, time.monotonic(), 0.0

    def show(self, step: int, loss: float) -> None:
        """After evaluation `step`; a few more than the steps are made to find their lengths."""
        now = time.monotonic()
        live = sys.stderr.isatty()
        if now - self._shown < (0.1 if live else 5.0):
            return
        self._shown = now
        left = (now - self._started) / step * max(0, self._steps - step)
        line = f"{step}/{self._steps}  loss {loss:.4g}  ETA {left:.0f} s"
        sys.stderr.write(f"\r\x1b[K{line}" if live else f"{line}\n")
        sys.stderr.flush()
