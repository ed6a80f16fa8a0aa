"""A time budget, shared out: measurements get shorter before rounds get fewer, and rounds fewer before rows do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import ConfigError
from .case import Case
from .measure import FRAMES_LEAST

MEASUREMENTS = 3
"""In one round of a row: the engine alone, its latencies, the whole run."""
ROUND_OVERHEAD = 0.3
"""Seconds a round of a row costs besides: a process, the engine from its bytes, opening and closing codecs."""
SECONDS_LEAST = 0.2
"""A measurement shorter than this is mostly start and end."""
ROUNDS_LEAST = 2
"""Of rows that are not slow."""
ROW_SHARE = 0.05
"""The part of a budget that one round of a row may take."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure."""

    rounds: int = 3
    seconds: float = 1.0
    """Of each measurement, about; a slow model takes `FRAMES_LEAST` frames however long they last."""
    budget: float | None = None
    """Seconds that everything together may take, about; None: as long as it takes."""

    def __post_init__(self) -> None:
        for name in ("rounds", "seconds", "budget"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"{name} is {value:g}; it must be more than 0")


@dataclass(frozen=True, slots=True)
class Plan:
    """What fits."""

    rounds: Mapping[Case, int]
    """Rounds of every row that is measured."""
    seconds: float
    """Of each measurement."""
    left_out: Mapping[Case, str] = field(default_factory=dict)
    """Rows that do not fit, and why."""


def row_seconds(frame_seconds: float, seconds: float) -> float:
    """What one round of a row takes, about."""
    warm = 2 * frame_seconds
    return ROUND_OVERHEAD + warm + MEASUREMENTS * max(seconds, FRAMES_LEAST * frame_seconds)


def too_slow(frame_seconds: float, effort: Effort) -> str | None:
    """Why a row whose frames take so long is left out of the budget; None when it is not."""
    if effort.budget is None or row_seconds(frame_seconds, 0) <= ROW_SHARE * effort.budget:
        return None
    return f"a frame takes about {frame_seconds:.1f} s, too long for one row of a budget of {effort.budget:.0f} s"


def plan(frame_seconds: Mapping[Case, float], effort: Effort, spent: float = 0.0) -> Plan:
    """Share out what is left of a budget.

    Args:
        frame_seconds: what a frame of each row takes.
        effort: what was asked for; nothing becomes longer than that.
        spent: seconds that are gone already.
    """
    if effort.budget is None:
        return Plan(dict.fromkeys(frame_seconds, effort.rounds), effort.seconds)
    left_out = {case: reason for case, each in frame_seconds.items() if (reason := too_slow(each, effort))}
    kept = {case: frame_seconds[case] for case in sorted(frame_seconds, key=frame_seconds.__getitem__)}
    kept = {case: each for case, each in kept.items() if case not in left_out}
    while kept:
        for rounds, slow_rounds, seconds in _efforts(effort):
            shares = {case: slow_rounds if _slow(each) else rounds for case, each in kept.items()}
            if sum(shares[case] * row_seconds(each, seconds) for case, each in kept.items()) <= effort.budget - spent:
                return Plan(shares, seconds, left_out)
        slowest, _ = kept.popitem()
        left_out[slowest] = f"the slowest of those that a budget of {effort.budget:.0f} s has no time for"
    return Plan({}, effort.seconds, left_out)


def _slow(frame_seconds: float) -> bool:
    """Whether shorter measurements do not make it any shorter: its frames are as few as can be."""
    return FRAMES_LEAST * frame_seconds > SECONDS_LEAST


def _efforts(effort: Effort) -> Iterator[tuple[int, int, float]]:
    """Rounds, rounds of slow rows, and seconds: from what was asked for down to the least that means anything."""
    seconds = effort.seconds
    while seconds > SECONDS_LEAST:
        yield effort.rounds, effort.rounds, seconds
        seconds /= 1.5
    least, rounds_least = min(effort.seconds, SECONDS_LEAST), min(effort.rounds, ROUNDS_LEAST)
    for rounds in range(effort.rounds, rounds_least - 1, -1):
        yield rounds, rounds, least
    yield rounds_least, 1, least
