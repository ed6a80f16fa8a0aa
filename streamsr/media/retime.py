"""From a source's ticks to a container's: shifted, rounded, and still strictly increasing."""

from __future__ import annotations

from fractions import Fraction


class Retimer:
    """Places the frames of one stream on the clock of the output.

    Args:
        source: seconds per tick of what comes in.
        target: seconds per tick of what goes out.
        origin: the second of the source that becomes zero.

    Rounding is to the nearest tick. Where two frames would fall on one tick (Matroska's is a millisecond), the later
    one moves up.
    """

    def __init__(self, source: Fraction, target: Fraction, origin: Fraction = Fraction(0)) -> None:
        self.target = target
        self.origin = origin
        self._source = source
        self._last: int | None = None

    def round(self, ticks: int) -> int:
        """Where `ticks` of the source fall, wherever the others are."""
        return round((ticks * self._source - self.origin) / self.target)

    def place(self, pts: int, duration: int | None) -> tuple[int, int | None]:
        """Time and duration of the next frame, in ticks of the target; later than the frame before."""
        placed = self.round(pts)
        if self._last is not None:
            placed = max(placed, self._last + 1)
        self._last = placed
        return placed, None if duration is None else max(1, self.round(pts + duration) - placed)
