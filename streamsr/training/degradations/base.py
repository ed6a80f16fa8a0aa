"""What every degradation is, and how several follow one another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError

Clip = npt.NDArray[np.uint8]
"""Consecutive frames `(T, H, W, 3)`, RGB, uint8. A still is a clip of one frame."""

Span = tuple[float, float]
"""Smallest and largest value of a random quantity."""


@dataclass(frozen=True, slots=True)
class Degradation(ABC):
    """One thing that happens to a clip. What it draws at random is drawn once for all frames.

    Raises:
        ConfigError: a field has an impossible value.
    """

    chance: float = field(default=1.0, kw_only=True)
    """Probability that it happens at all, 0..1."""

    def __post_init__(self) -> None:
        check_shares(chance=self.chance)
        self._check()

    def __call__(self, clip: Clip, rng: np.random.Generator) -> Clip:
        """The degraded clip: as many frames, maybe of another size; `clip` itself is left as it is."""
        return self._apply(clip, rng) if rng.random() < self.chance else clip

    @abstractmethod
    def _apply(self, clip: Clip, rng: np.random.Generator) -> Clip:
        """What `__call__` does when chance has it."""

    @abstractmethod
    def _check(self) -> None:
        """Raise `ConfigError` for fields that make no sense."""

    def anchored(self, rows: int, columns: int) -> Degradation:
        """The same piece, told the size of the clip before the first piece: for those that measure by it."""
        del rows, columns
        return self


def degrade(clip: Clip, pieces: Iterable[Degradation], rng: np.random.Generator) -> Clip:
    """Apply `pieces` one after another to `(T, H, W, 3)` uint8 RGB; the same `rng` state gives the same result."""
    rows, columns = clip.shape[1:3]
    for piece in pieces:
        clip = piece.anchored(rows, columns)(clip, rng)
    return clip


def check_span(low: float, high: float, **spans: Span) -> None:
    """Raise `ConfigError` unless every span is a pair that rises (or stays) and lies within `low`..`high`."""
    for name, span in spans.items():
        if len(span) != 2 or not low <= span[0] <= span[1] <= high:
            raise ConfigError(f"{name} is {list(span)}, it must be two numbers [from, to] within {low:g} to {high:g}")


def check_shares(**shares: float) -> None:
    """Raise `ConfigError` unless every value is a probability and all of them together are one too."""
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ConfigError(f"{name} is {share:g}, it must lie within 0 and 1")
    if sum(shares.values()) > 1 + 1e-9:
        raise ConfigError(f"{' + '.join(shares)} is {sum(shares.values()):g}, together they are 1 at most")
