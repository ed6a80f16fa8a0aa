"""What the smoother is held against: a plain moving average, and a warped history behind a hard mask.

Both are called as `FlowBlend` is, with the luma of the input and the planes of the styled picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from streamsr.analysis.flowblend import FlowBlend
from streamsr.analysis.luma import Luma
from streamsr.analysis.motion import Dis, Flow, Reals, visible, warp
from streamsr.frame import Plane
from streamsr.layout import PixelLayout

_HALF = 2


class Smoother(Protocol):
    """One video's smoother, of 8-bit YUV or gray planes."""

    def __call__(self, luma: Luma, styled: Sequence[Plane]) -> tuple[Plane, ...]:
        """The next frame."""
        ...

    def reset(self) -> None:
        """The next frame is a first one."""
        ...


class MovingAverage:
    """An exponential moving average of every sample where it is: what most scripts do."""

    def __init__(self, strength: float = 0.8) -> None:
        self._strength = strength
        self._past: list[Reals] | None = None

    def __call__(self, luma: Luma, styled: Sequence[Plane]) -> tuple[Plane, ...]:  # noqa: ARG002 - the protocol's
        """See `Smoother`."""
        planes = [plane.astype(np.float32) for plane in styled]
        if self._past is not None:
            share = self._strength
            planes = [cv2.addWeighted(a, share, b, 1 - share, 0) for a, b in zip(self._past, planes, strict=True)]
        self._past = planes
        return tuple(np.rint(plane).astype(np.uint8) for plane in planes)

    def reset(self) -> None:
        """See `Smoother`."""
        self._past = None


class MaskedWarp:
    """Flow by DIS both ways at half the size; what does not return is not blended, the rest is, sampled bilinearly.

    The classical recipe: Ruder et al., "Artistic style transfer for videos" (GCPR 2016), as a filter.
    """

    def __init__(self, strength: float = 0.85) -> None:
        self._strength = strength
        self._flow = Dis("ultrafast")
        self._past: tuple[Luma, list[Reals]] | None = None

    def __call__(self, luma: Luma, styled: Sequence[Plane]) -> tuple[Plane, ...]:
        """See `Smoother`."""
        small = cv2.resize(luma, None, fx=1 / _HALF, fy=1 / _HALF, interpolation=cv2.INTER_AREA)
        planes = [plane.astype(np.float32) for plane in styled]
        if self._past is not None:
            before, past = self._past
            there = self._flow(small, before)
            share = self._strength * visible(there, self._flow(before, small)).astype(np.float32)
            planes = [_mixed(*pair, share, there) for pair in zip(past, planes, strict=True)]
        self._past = small, planes
        return tuple(np.rint(plane).astype(np.uint8) for plane in planes)

    def reset(self) -> None:
        """See `Smoother`."""
        self._past = None


def _mixed(before: Reals, styled: Reals, share: Reals, flow: Flow) -> Reals:
    size = styled.shape[1::-1]
    factor = np.float32(size[0] / flow.shape[1])
    history = warp(before, cv2.resize(flow, size) * factor)
    share = cv2.resize(share, size).reshape(*styled.shape[:2], *(1,) * (styled.ndim - 2))
    return styled + share * (history - styled)


def smoothers(layout: PixelLayout, width: int, height: int) -> dict[str, Smoother]:
    """The candidates by name, each at its usual strength."""
    return {
        "flowblend 0.85": FlowBlend(layout, width, height),
        "EMA 0.8": MovingAverage(),
        "DIS + hard mask 0.85": MaskedWarp(),
    }
