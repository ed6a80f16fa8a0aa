"""The accuracy guard: a fresh engine proves itself on real frames before it is used.

Compilers do miscompile, and low precision does overflow: black, flat or garbled pictures are a known failure of
this field. So the first pictures of a new engine are held against ONNX Runtime in fp32, plane by plane.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from streamsr.errors import VerificationError
from streamsr.graph.planes import to_planes
from streamsr.layout import PixelLayout

from .available import load_backend
from .backend import CompileOptions
from .base import Array, Engine
from .runner import stream

if TYPE_CHECKING:
    from streamsr.graph.frame_graph import FrameGraph

Frames = Sequence[tuple[Array, ...]]
Levels = npt.NDArray[np.float32]

FLOORS = {"fp32": 60.0, "bf16": 45.0, "fp16": 45.0, "int8": 38.0}
"""Least PSNR in dB, per plane and frame, on samples scaled to 0..255, by precision."""

PSNR_MAX = 99.0
"""What equal pictures count as, instead of infinity."""

_FLAT_LEVELS = 4.0
"""A reference plane that spans less is flat itself: nothing to tell a dead engine by."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guard found about an engine that passed."""

    psnr: tuple[float, ...]
    """dB per output plane, the worst frame's."""
    conclusive: bool
    """Whether the frames had content at all; a black lead-in proves nothing."""


class Reference:
    """The right pictures: some frames through ONNX Runtime fp32. Computed when first asked for, then kept."""

    def __init__(self, graph: FrameGraph, probe: Callable[[], Frames]) -> None:
        self.layout = graph.output.layout
        self._graph = graph
        self._probe = probe

    @cached_property
    def frames(self) -> Frames:
        """The input frames, as tensors of the frame graph."""
        return self._probe()

    @cached_property
    def pictures(self) -> list[tuple[Levels, ...]]:
        """The reference planes of each frame, as `levels`."""
        backend = load_backend("onnxruntime")
        with closing(backend.build(self._graph, "fp32", CompileOptions())) as engine:
            return [levels(outputs, self.layout) for outputs in stream(engine, self.frames)]


def levels(outputs: Sequence[Array], layout: PixelLayout) -> tuple[Levels, ...]:
    """Output tensors as float32 planes in 8-bit levels, 0..255, whatever their depth."""
    scale = np.float32(255 / (layout.peak << layout.shift))
    return tuple(plane.astype(np.float32) * scale for plane in to_planes(outputs, layout))


def verify(engine: Engine, reference: Reference) -> Verdict:
    """Run the reference's frames through an engine, from a reset to a reset, and judge its pictures.

    Raises:
        VerificationError: a plane below the floor of the engine's precision, or flat where the reference is not.
    """
    engine.reset()
    worst: list[float] = []
    for index, (outputs, want) in enumerate(zip(stream(engine, reference.frames), reference.pictures, strict=True)):
        found = _judge(levels(outputs, reference.layout), want, FLOORS[engine.spec.precision], index)
        worst = [min(pair) for pair in zip(worst or found, found, strict=True)]
    engine.reset()
    return Verdict(tuple(worst), any(_span(planes[0]) >= _FLAT_LEVELS for planes in reference.pictures))


def _judge(given: Sequence[Levels], wanted: Sequence[Levels], floor: float, index: int) -> list[float]:
    """The PSNR of each plane of one frame, if all of them are good enough."""
    found = []
    for plane, (picture, right) in enumerate(zip(given, wanted, strict=True)):
        where = f"plane {plane} of probe frame {index}"
        found.append(psnr(picture, right))
        if found[-1] < floor:
            raise VerificationError(f"{where} is {found[-1]:.1f} dB from the fp32 reference, below {floor:.0f} dB")
        if _span(picture) == 0 and _span(right) >= _FLAT_LEVELS:
            raise VerificationError(f"{where} is one flat colour, unlike the fp32 reference")
    return found


def psnr(a: Levels, b: Levels) -> float:
    """Peak signal-to-noise ratio in dB of two planes in 8-bit levels, at most `PSNR_MAX`."""
    error = float(np.mean(np.square(a - b), dtype=np.float64))
    return min(PSNR_MAX, 10 * float(np.log10(255**2 / error))) if error else PSNR_MAX


def _span(plane: Levels) -> float:
    return float(np.ptp(plane))
