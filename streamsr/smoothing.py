"""A stylizer that holds still: its engine, the smoother on the host, and the engine of whatever comes after."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .analysis.flowblend import FlowBlend
from .analysis.luma import Luma, luma_plane
from .color import Color
from .engines.base import Array, Engine, Ticket
from .engines.runner import Runner
from .errors import EngineError
from .graph.planes import to_planes, to_tensors
from .graph.stream import StreamFormat
from .layout import pixel_layout

_DEPTHS = (8, 9, 10, 12, 16)
"""Depths that 4:4:4 with transparency comes in."""


@dataclass(slots=True, eq=False)
class _Flight:
    """A frame on its way."""

    luma: Luma
    first: bool
    ticket: Ticket
    """Of the engine that it is with."""
    outputs: tuple[Array, ...] | None = None
    """There once it is through."""


class SmoothedEngine(Runner[_Flight]):
    """Two engines with the smoother between them, as one engine.

    The engines work on several frames at once; the smoother, which goes from each frame to the next, takes them in
    order, in the thread that drives this engine.
    """

    def __init__(
        self, head: Engine, tail: Engine | None, source: StreamFormat, styled: StreamFormat, smooth: float
    ) -> None:
        """Smooth what `head` makes of `source` pictures; `tail` takes the smoothed ones, of the format `styled`.

        Args:
            head: the stylizer. It is closed with this engine, as `tail` is.
            tail: what enlarges or converts the smoothed pictures; None to return them.
            source: the pictures `head` takes.
            styled: the pictures it makes: as large, YUV or gray.
            smooth: how much of each picture may come from the one before, 0 to 0.95.
        """
        outputs = (tail or head).spec.outputs
        depth = head.spec.depth + (tail.spec.depth if tail else 0)
        super().__init__(replace(head.spec, outputs=outputs, depth=depth))
        self._head, self._tail = head, tail
        self._source, self._styled = source.layout, styled.layout
        self._opaque = replace(styled.layout, planes=tuple(name for name in styled.layout.planes if name != "A"))
        self._blend = FlowBlend(self._opaque, styled.width, styled.height, smooth)
        self._styling: deque[_Flight] = deque()
        self._enlarging: deque[_Flight] = deque()

    def _start(self, inputs: Sequence[Array], fresh: bool) -> _Flight:
        if len(self._styling) == self._head.spec.depth:
            self._smooth_next()
        planes = to_planes(inputs[: len(self._source.planes)], self._source)
        luma = luma_plane(planes, self._source).copy()  # the planes are the caller's again when this returns
        if fresh:
            self._head.reset()
        flight = _Flight(luma, fresh, self._head.submit(inputs))
        self._styling.append(flight)
        return flight

    def _smooth_next(self) -> None:
        """Take the frame that has been with the stylizer longest on to the next station."""
        flight = self._styling.popleft()
        styled = to_planes(self._head.result(flight.ticket), self._styled)
        if flight.first:
            self._blend.reset()
            if self._tail is not None:
                self._tail.reset()
        colors = len(self._opaque.planes)  # transparency comes last, and stays as it is
        smoothed = to_tensors((*self._blend(flight.luma, styled[:colors]), *styled[colors:]), self._styled)
        if self._tail is None:
            flight.outputs = smoothed
            return
        if len(self._enlarging) == self._tail.spec.depth:
            self._land(self._tail)
        flight.ticket = self._tail.submit(smoothed)
        self._enlarging.append(flight)

    def _land(self, tail: Engine) -> None:
        """Fetch the frame that has been with the second engine longest."""
        flight = self._enlarging.popleft()
        flight.outputs = tail.result(flight.ticket)

    def _finish(self, job: _Flight) -> tuple[Array, ...]:
        while job in self._styling:
            self._smooth_next()
        while job in self._enlarging and self._tail is not None:
            self._land(self._tail)
        if job.outputs is None:
            raise EngineError("this frame failed before")
        return job.outputs

    def _release(self, pending: Sequence[_Flight]) -> None:  # noqa: ARG002 - what is in flight is the engines' own
        self._styling.clear()
        self._enlarging.clear()
        self._head.close()
        if self._tail is not None:
            self._tail.close()


def styled_format(source: StreamFormat, target: StreamFormat, final: bool) -> StreamFormat:
    """The pictures between stylizer and smoother: as large as the source, luma and chroma in planes of their own.

    Args:
        source: what the stylizer takes.
        target: what is to come out in the end.
        final: whether nothing follows the smoother; then the pictures are the target's, if those are smoothable.
    """
    if final and target.layout.family != "rgb" and "YA" not in target.layout.planes:
        return target
    # chroma at full size: what is enlarged afterwards would lose too much of it
    depth = next(each for each in _DEPTHS if each >= target.layout.depth)
    name = f"yuv{'a' if target.layout.alpha else ''}444p{'' if depth == 8 else depth}"
    origin = source if source.layout.family == "yuv" else target
    color = origin.color if origin.layout.family == "yuv" else Color(matrix="bt709", range="pc")
    return StreamFormat(source.width, source.height, pixel_layout(name), color)
