"""Medians and spreads: no figure stands alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """What several rounds found."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Of one value or more."""
        numbers = sorted(values)
        return cls(statistics.median(numbers), numbers[0], numbers[-1])

    def overlaps(self, other: Spread) -> bool:
        """Whether the two could be the same figure, as far as their rounds tell."""
        return self.low <= other.high and other.low <= self.high


def percentile(values: Sequence[float], percent: float) -> float:
    """The least of `values` that so many per cent of them do not exceed (nearest rank: a value that occurred)."""
    numbers = sorted(values)
    return numbers[max(0, math.ceil(percent / 100 * len(numbers)) - 1)]
