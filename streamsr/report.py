"""What a run did and what it cost."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class StageCost:
    """Cost of one stage per frame, in milliseconds."""

    wall_ms: float = 0.0
    """Time the stage's own thread was busy, not waiting for its neighbours."""
    cpu_ms: float = 0.0
    """CPU time, the codec's or engine's worker threads included (where the system tells)."""


@dataclass(slots=True)
class Report:
    """The result of one run; `streamsr upscale --json` prints it."""

    input: str
    output: str
    model: str
    backend: str
    precision: str
    device: str = ""
    """What computed, in the backend's words; several with commas between."""
    frames: int = 0
    """Frames written."""
    duplicates: int = 0
    """Frames among them that repeated the one before, and reused its result."""
    skipped: int = 0
    """Damaged packets and frames left out."""
    seconds: float = 0.0
    """Wall time from start to finished file."""
    fps: float = 0.0
    """`frames / seconds`, start-up included."""
    startup_seconds: float = 0.0
    """Wall time until the first upscaled frame was there."""
    stages: dict[str, StageCost] = field(default_factory=dict)
    """`decode`, `infer`, `encode`, and `process` (CPU of the whole program)."""
    interrupted: bool = False
    """The run was stopped early; what was written up to then is complete and playable."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, rounded for reading."""
        return {key: _rounded(value) for key, value in asdict(self).items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return value


class Stopwatch:
    """Adds up the time spent in a stage, without the time it waits."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since = 0.0

    def __enter__(self) -> None:
        self._since = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._since

    def around(self, upstream: Iterable[T]) -> Iterator[T]:
        """The same items; the time `upstream` takes to produce them counts."""
        items = iter(upstream)
        try:
            while True:
                with self:
                    item = next(items, _END)
                if item is _END:
                    return
                yield item  # type: ignore[misc]  # not the sentinel here
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()


_END = object()
