"""The frames of videos that belong together, each with the movement that led to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from ..cut import CutDetector
from ..luma import Luma
from ..motion import Dis, Flow, Mask, visible

Rgb = npt.NDArray[np.uint8]
"""`(H, W, 3)`, full range."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the videos show at one time, all of one size."""

    source: Rgb
    output: Rgb
    """Of the method that is measured."""
    reference: Rgb | None = None
    """What the output would be without smoothing."""


@dataclass(frozen=True)
class Motion:
    """How the source moved from one frame to the next."""

    there: Flow
    """From the first frame to the second."""
    back: Flow

    @cached_property
    def kept(self) -> Mask:
        """The pixels of the first frame that are in the second one too."""
        return visible(self.there, self.back)

    @cached_property
    def occluded(self) -> Mask:
        """The pixels of the second frame that the first one does not show, and those where motions meet."""
        return ~visible(self.back, self.there)


@dataclass(frozen=True, slots=True)
class Step:
    """A frame and the one before it."""

    index: int
    """Of the frame, from 0."""
    before: Moment | None
    """None for the first frame."""
    now: Moment
    motion: Motion | None
    """None for the first frame and across a cut."""

    @property
    def cut(self) -> bool:
        """Whether a scene begins here that is not the first."""
        return self.before is not None and self.motion is None


def steps(
    moments: Iterable[Moment],
    flow: Callable[[Luma, Luma], Flow] | None = None,
    is_cut: Callable[[Luma], bool] | None = None,
) -> Iterator[Step]:
    """Every frame of the videos with the movement since the one before; two frames are in memory at a time.

    The movement is that of the source: by `flow`, from one picture to another  [default: DIS, medium]. `is_cut` is told
    of every frame in turn  [default: `CutDetector`].
    """
    flow, is_cut = flow or Dis("medium"), is_cut or CutDetector()
    before: Moment | None = None
    seen: Luma | None = None
    for index, now in enumerate(moments):
        luma = np.asarray(cv2.cvtColor(now.source, cv2.COLOR_RGB2GRAY), np.uint8)
        cut = is_cut(luma)
        motion = None if seen is None or cut else Motion(flow(seen, luma), flow(luma, seen))
        yield Step(index, before, now, motion)
        before, seen = now, luma
