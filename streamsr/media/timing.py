"""Timestamps made whole: integer ticks that increase strictly, whatever the container said.

What is known is kept, to the tick. What is missing is guessed from the frame rate (or from the decoding time, when the
stream has nothing else). What does not increase is moved to just after its predecessor. A jump far back (a new clock)
is joined on.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

T = TypeVar("T")

COARSEST = Fraction(1, 1000)
"""Source clocks slower than this are refined, so that a frame can be moved by less than a frame."""
JUMP_BACK = Fraction(1, 2)
"""Seconds by which time must run backwards to be taken for a new clock rather than for disorder."""
GAP = Fraction(1)
"""Seconds without a frame that count as a discontinuity, unless the frame before was declared to last that long."""


def refine(time_base: Fraction) -> int:
    """The factor by which to multiply ticks of `time_base`, so that a tick is at most a millisecond."""
    return max(1, -(-time_base // COARSEST))


@dataclass(frozen=True, slots=True)
class Moment:
    """When a frame is shown, in ticks."""

    pts: int
    duration: int | None
    cut: bool
    """Time does not continue from the frame before."""


def in_order(pairs: Iterable[tuple[T, int | None]], depth: int = 16) -> Iterator[tuple[T, int | None]]:
    """Items as they come, with their pts sorted within `depth` items (the most that H.264 reorders).

    For containers that know only the order of decoding, such as AVI: their pts are right as a set, but handed to the
    wrong frames where there are B-frames.
    """
    waiting: deque[tuple[T, bool]] = deque()
    known: list[int] = []

    def release() -> tuple[T, int | None]:
        item, missing = waiting.popleft()
        return item, None if missing else heapq.heappop(known)

    for item, pts in pairs:
        waiting.append((item, pts is None))
        if pts is not None:
            heapq.heappush(known, pts)
        if len(waiting) > depth:
            yield release()
    while waiting:
        yield release()


class Clock:
    """Repairs the timestamps of one stream, frame by frame, in order of presentation.

    Args:
        time_base: seconds per tick of the pts handed to `next` and of those it returns.
        rate: frames per second, to guess missing timestamps with.
    """

    def __init__(self, time_base: Fraction, rate: Fraction) -> None:
        self._step = 1 / (rate * time_base)
        self._nudge = max(1, round(COARSEST / time_base))
        self._far = JUMP_BACK / time_base
        self._gap = GAP / time_base
        self._offset = 0
        self._seen_pts = False
        self._expected = Fraction(0)
        self._last: Moment | None = None

    def next(self, pts: int | None, dts: int | None = None, duration: int | None = None) -> Moment:
        """The moment of the next frame. `dts` stands in for `pts` in a stream that never gave one."""
        duration = duration if duration and duration > 0 else None
        self._seen_pts = self._seen_pts or pts is not None
        known = pts if self._seen_pts else dts
        if known is None:
            moment = Moment(round(self._expected), duration, cut=self._last is None)
        else:
            moment = self._place(known, duration)
        self._expected = (self._expected if known is None else moment.pts) + Fraction(duration or self._step)
        self._last = moment
        return moment

    def _place(self, known: int, duration: int | None) -> Moment:
        last = self._last
        pts = known + self._offset
        if last is None:
            return Moment(pts, duration, cut=True)
        if pts < last.pts - self._far:
            joined = round(self._expected)
            self._offset += joined - pts
            return Moment(joined, duration, cut=True)
        if pts <= last.pts:
            return Moment(last.pts + self._nudge, duration, cut=False)
        silent = pts - last.pts - (last.duration or 0)
        return Moment(pts, duration, cut=silent >= self._gap)
