"""`streamsr compile`: a chain as a TensorRT plan, ahead of time."""

from __future__ import annotations

import json as json_module
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

import typer

from . import compile_options as c
from . import options as o
from .console import PLAIN_SECONDS
from .files import new_file

if TYPE_CHECKING:
    from exporters.tensorrt import CompiledPlan, PlanRequest, Precision

    from ..engines.plan_layers import Layer

EPILOG = """Examples:

    streamsr compile live-x2 --size 640x360 -o live-x2.plan

    streamsr compile live-x2 --size 1920x1080 --pix-fmt p010 --report -o live-x2-1080p.plan

    streamsr compile detail-x2 --dynamic 360p:1080p -o detail-x2.plan

    streamsr compile style.onnx live-x2 --style great_wave --smooth 0.85 -o painted.plan

    streamsr compile live-x2 --backend tensorrt --level 5 --timing-cache timings -o live-x2.plan
"""


def compile_models(
    model: c.Models,
    output: c.Output,
    backend: c.Backend = "tensorrt-rtx",
    precision: c.Precision = "fp16",
    size: c.Size = None,
    dynamic: c.Dynamic = None,
    pix_fmt: c.PixFmt = "nv12",
    output_pix_fmt: c.OutputPixFmt = None,
    style: o.StyleNames = None,
    strength: o.Strength = 1.0,
    smooth: o.Smooth = 0.0,
    level: c.Level = 3,
    workspace: c.Workspace = None,
    timing_cache: c.TimingCache = None,
    capability: c.Capabilities = None,
    portable: c.Portable = False,
    report: c.Report = False,
    json: c.Json = False,
    overwrite: o.Overwrite = False,
    quiet: o.Quiet = False,
) -> None:
    """Compile models to a TensorRT plan: planes in, planes out, colours and all, for one size or a range."""
    library = c.flavour(backend)
    options = c.plan_options(library, level, workspace, timing_cache, capability, portable)
    request = _request(model, precision, (size, dynamic), (pix_fmt, output_pix_fmt), (style, strength, smooth))
    begin = time.monotonic()
    with new_file(output, overwrite=overwrite) as path:
        from exporters.tensorrt import compile_plan

        with _progress(output.name, quiet) as progress:
            compiled = compile_plan(request, library, options, progress=progress, report=report)
        path.write_bytes(compiled.plan)
    seconds = time.monotonic() - begin
    typer.echo(_as_json(compiled, seconds) if json else _as_text(compiled, f"{output}, {seconds:.1f} s"))


def _request(
    models: list[str],
    precision: str,
    sizes: tuple[str | None, str | None],
    formats: tuple[str, str | None],
    painting: tuple[list[str] | None, float, float],
) -> PlanRequest:
    from exporters.tensorrt import PlanRequest

    from ..color import Color
    from ..graph.stream import StreamFormat
    from ..layout import pixel_layout
    from ..look import StyleOptions

    span = c.parse_range(sizes[1]) if sizes[1] else None
    width, height = o.parse_size(sizes[0]) if sizes[0] else span[1] if span else (640, 360)
    layouts = [pixel_layout(name) if name else None for name in formats]
    source = StreamFormat(width, height, layouts[0] or pixel_layout("nv12"), Color())
    style, strength, smooth = painting
    look = StyleOptions(style or (), strength, smooth=smooth) if style or smooth else None
    return PlanRequest(tuple(models), source, layouts[1], cast("Precision", precision), look, span)


@contextmanager
def _progress(label: str, quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """A callback that shows what the builder is at: a live line on a terminal, a plain line now and then elsewhere."""
    if quiet:
        yield None
        return
    live = sys.stderr.isatty()
    shown = time.monotonic()

    def show(phase: str, done: int, steps: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if live or now - shown >= PLAIN_SECONDS:
            shown = now
            line = f"{label}: {phase.lower()}, step {done} of {steps}"
            sys.stderr.write(f"\r\x1b[K{line}" if live else f"{line}\n")
            sys.stderr.flush()

    try:
        yield show
    finally:
        if live:
            sys.stderr.write("\r\x1b[K")


def _as_json(compiled: CompiledPlan, seconds: float) -> str:
    facts: dict[str, Any] = {"bytes": len(compiled.plan), "seconds": round(seconds, 3)}
    facts |= {"inputs": compiled.inputs, "outputs": compiled.outputs}
    return json_module.dumps(facts | {"layers": [asdict(layer) for layer in compiled.layers]})


def _as_text(compiled: CompiledPlan, made: str) -> str:
    lines = [*compiled.inputs, *(f"-> {output}" for output in compiled.outputs)]
    shown = [layer for layer in compiled.layers if layer.outputs or not layer.kind]
    lines += [_row(layer) for layer in shown]
    if shown:
        nodes = sum(len(layer.nodes) for layer in shown)
        lines.append(f"{len(shown)} layers of {nodes} nodes")
    return "\n".join([*lines, f"{made}, {len(compiled.plan)} bytes"])


def _row(layer: Layer) -> str:
    """`Half   [1, 16, 360, 640]  correlation     model0/conv1 model0/relu1  [kernel]`."""
    written = " ".join(str(list(tensor.shape)) for tensor in layer.outputs)
    what = " ".join(layer.nodes) or layer.name
    return f"{layer.precision:<6} {written:<18}  {layer.kind:<14}  {what}" + (
        f"  [{layer.tactic}]" if layer.tactic else ""
    )
