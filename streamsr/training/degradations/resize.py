"""Resizing with the filters that cameras, editors and services use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from ...errors import ConfigError
from .base import Clip, Degradation, Span, check_shares, check_span

Filter = Literal["area", "bilinear", "bicubic", "lanczos"]

_FILTERS: dict[Filter, int] = {
    "area": cv2.INTER_AREA,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
}
"""OpenCV's; only `area` averages when shrinking, the others alias, as much of the world's footage does."""


@dataclass(frozen=True, slots=True)
class Resize(Degradation):
    """Shrink, enlarge or keep, by a random factor, with a random filter.

    Defaults: the first of Real-ESRGAN's two rounds (Wang et al., "Real-ESRGAN", ICCVW 2021), which draws the factor
    from 0.15 to 1.5; its second round from 0.3 to 1.2 with shares 0.4 and 0.3.
    """

    factor: Span = (0.15, 1.5)
    """Smallest and largest output side per input side; 1 lies between them."""
    shrink: float = 0.7
    """Probability of a factor below 1; what `shrink` and `enlarge` leave keeps the size."""
    enlarge: float = 0.2
    """Probability of a factor above 1."""
    filters: tuple[Filter, ...] = ("area", "bilinear", "bicubic")
    """One of them is drawn."""

    def _check(self) -> None:
        check_span(0.01, 16, factor=self.factor)
        check_span(1, 16, factor=(1, self.factor[1]))
        check_shares(shrink=self.shrink, enlarge=self.enlarge)
        _check_filters(self.filters)

    def _apply(self, clip: Clip, rng: np.random.Generator) -> Clip:
        factor = self._factor(rng)
        rows, columns = (max(1, round(side * factor)) for side in clip.shape[1:3])
        return _resized(clip, rows, columns, _drawn(self.filters, rng))

    def _factor(self, rng: np.random.Generator) -> float:
        low, high = self.factor
        choice = rng.random()
        if choice < self.shrink:
            return float(rng.uniform(low, min(1.0, high)))
        return float(rng.uniform(1.0, high)) if choice < self.shrink + self.enlarge else 1.0


@dataclass(frozen=True, slots=True)
class ResizeTo(Degradation):
    """Resize to an exact fraction of the clip as it was before the first piece: whatever came between, it fits."""

    scale: int = 2
    """Pixels of the original per pixel of the result; sides that do not divide round up."""
    filters: tuple[Filter, ...] = ("area", "bilinear", "bicubic")
    """One of them is drawn."""
    original: tuple[int, ...] = ()
    """Rows and columns before the first piece, filled in by `degrade`; by default those of the clip given."""

    def _check(self) -> None:
        if self.scale < 1:
            raise ConfigError(f"scale is {self.scale}, it must be at least 1")
        _check_filters(self.filters)

    def anchored(self, rows: int, columns: int) -> ResizeTo:
        """The same piece, for originals of that size."""
        return ResizeTo(self.scale, self.filters, (rows, columns), chance=self.chance)

    def _apply(self, clip: Clip, rng: np.random.Generator) -> Clip:
        rows, columns = (-(-side // self.scale) for side in self.original or clip.shape[1:3])
        return _resized(clip, rows, columns, _drawn(self.filters, rng))


def _check_filters(filters: tuple[Filter, ...]) -> None:
    if not filters or not set(filters) <= set(_FILTERS):
        raise ConfigError(f"filters is {list(filters)}, it must list some of {', '.join(_FILTERS)}")


def _drawn(filters: tuple[Filter, ...], rng: np.random.Generator) -> int:
    return _FILTERS[filters[int(rng.integers(len(filters)))]]


def _resized(clip: Clip, rows: int, columns: int, interpolation: int) -> Clip:
    if clip.shape[1:3] == (rows, columns):
        return clip
    return np.stack([cv2.resize(frame, (columns, rows), interpolation=interpolation) for frame in clip])
