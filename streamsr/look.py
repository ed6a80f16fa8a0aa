"""Look: what a stylizer is told. Which of its styles, mixed how, how strongly, and how that changes over time."""

from __future__ import annotations

import itertools
import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .blending import STRENGTH as STEADINESS
from .errors import ConfigError, UnknownNameError

log = logging.getLogger(__name__)

FADE = 0.5
"""Seconds a scheduled change takes."""
MOMENTS_MAX = 1000

SMOOTH_MAX = 0.95
SMOOTH_BACKENDS = ("auto", "graph", "host")

_ENTRY = re.compile(r"(?P<time>[\d.:]+):(?P<styles>[^@]+)(?:@(?P<strength>[^@]+))?")


@dataclass(frozen=True, slots=True)
class Look:
    """One setting of a stylizer's dials."""

    weights: tuple[float, ...]
    """The share of each of the stylizer's styles, in its order; they sum to 1."""
    strength: float = 1.0
    """0 leaves the picture as it is, 1 is the full style."""

    def towards(self, other: Look, share: float) -> Look:
        """The look that is `share` (0 to 1) of the way to another."""
        weights = zip(self.weights, other.weights, strict=True)
        mixed = tuple((1 - share) * ours + share * theirs for ours, theirs in weights)
        return Look(mixed, (1 - share) * self.strength + share * other.strength)

    def tensors(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """The inputs of a stylizer: `style_weights` `(1, S)` and `strength` `(1, 1)`."""
        return np.array([self.weights], np.float32), np.array([[self.strength]], np.float32)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Looks over time. Each begins to fade in at its moment and is complete `FADE` seconds later."""

    moments: tuple[tuple[float, Look], ...]
    """Seconds since the first frame, ascending, and the look from there on; what comes first holds from the start."""

    @property
    def fixed(self) -> Look | None:
        """The look of the whole video, if it never changes."""
        first = self.moments[0][1]
        return first if all(look == first for _, look in self.moments) else None

    def at(self, seconds: float) -> Look:
        """The look at one time. A fade that begins during another goes on from wherever that one is."""
        look = self.moments[0][1]
        for begin, following in self.moments[1:]:
            if seconds <= begin:
                break
            look = look.towards(following, min(1.0, (seconds - begin) / FADE))
        return look


@dataclass(frozen=True, slots=True)
class StyleOptions:
    """What a chain with a stylizer paints, and how still it holds."""

    style: str | Mapping[str, float] | Sequence[str] = ()
    """A style; several with their shares, `{"great_wave": 0.7, "udnie": 0.3}` or `["great_wave", "udnie=0.5"]`."""
    strength: float = 1.0
    """0 leaves the picture as it is, 1 is the full style."""
    schedule: str = ""
    """Instead of `style`: styles over time, as `parse_schedule` reads them."""
    smooth: float = STEADINESS
    """How much of a picture may come from the one before: 0 smooths nothing, `SMOOTH_MAX` is the most."""
    smooth_backend: str = "auto"
    """Where frames are smoothed: on the `host`, between two engines; in the `graph`; `auto` takes the faster."""

    def __post_init__(self) -> None:
        if not 0 <= self.smooth <= SMOOTH_MAX:
            raise ConfigError(f"smooth is {self.smooth:g}, not within 0..{SMOOTH_MAX:g}")
        if self.smooth_backend not in SMOOTH_BACKENDS:
            raise UnknownNameError("smoothing backend", self.smooth_backend, SMOOTH_BACKENDS)
        if self.style and self.schedule:
            raise ConfigError("say either a style or a schedule of styles, not both")

    def looks(self, known: Sequence[str]) -> Schedule:
        """The looks over time, for a stylizer of the styles `known`.

        Raises:
            UnknownNameError: a style it does not have.
            ConfigError: no style, or shares, strengths or times that make no sense.
        """
        if not self.style and not self.schedule:
            raise ConfigError(f"say what to paint; the styles are {', '.join(known)}")
        if self.schedule:
            return parse_schedule(self.schedule, known, self.strength)
        if isinstance(self.style, Mapping):
            styles = dict(self.style)
        else:
            styles = parse_styles([self.style] if isinstance(self.style, str) else self.style)
        return Schedule(((0.0, mix(styles, known, self.strength)),))


def mix(styles: Mapping[str, float], known: Sequence[str], strength: float = 1.0) -> Look:
    """The look of some styles, each with its share.

    Args:
        styles: name -> share; shares that do not sum to 1 are scaled so that they do, and that is said.
        known: the names of the stylizer's styles, in its order.
        strength: 0 to 1.

    Raises:
        UnknownNameError: a style it does not have; the nearest name is suggested.
        ConfigError: shares that are negative or all 0, or a strength out of range.
    """
    for name, share in styles.items():
        if name not in known:
            raise UnknownNameError("style", name, known)
        if not (math.isfinite(share) and share >= 0):
            raise ConfigError(f"the share of style {name} is {share:g}; it must be 0 or more")
    if not (math.isfinite(strength) and 0 <= strength <= 1):
        raise ConfigError(f"the strength is {strength:g}, not within 0..1")
    total = sum(styles.values())
    if not (math.isfinite(total) and total > 0):
        raise ConfigError("the shares of the styles are all 0; give one of them a share, as in great_wave=1")
    if not math.isclose(total, 1, abs_tol=1e-6):
        log.warning("the shares of the styles sum to %g: scaled to %s", total, _shares(styles, total))
    return Look(tuple(styles.get(name, 0.0) / total for name in known), strength)


def parse_styles(texts: Sequence[str]) -> dict[str, float]:
    """Styles and shares of `great_wave`, `starry_night=0.5`; one that is named twice counts twice.

    Raises:
        ConfigError: a share that is no number, or no name.
    """
    styles: dict[str, float] = {}
    for text in texts:
        name, equals, share = (part.strip() for part in text.partition("="))
        if not name:
            raise ConfigError(f"{text!r} names no style; write great_wave or great_wave=0.5")
        styles[name] = styles.get(name, 0.0) + (number(share, f"the share of style {name}") if equals else 1.0)
    return styles


def parse_schedule(text: str, known: Sequence[str], strength: float = 1.0) -> Schedule:
    """A schedule of `0:great_wave,10:starry_night+udnie@0.6`: at that time, those styles, at that strength.

    Args:
        text: entries separated by commas; a time is in seconds or `1:30`, styles are joined by `+` and may carry a
            share (`udnie=0.3`), a strength follows an `@`.
        known: the names of the stylizer's styles, in its order.
        strength: of entries that say none.

    Raises:
        UnknownNameError: a style the stylizer does not have.
        ConfigError: text that cannot be read, or times that do not ascend.
    """
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not 1 <= len(entries) <= MOMENTS_MAX:
        raise ConfigError(f"a schedule has 1 to {MOMENTS_MAX} entries, as 0:great_wave,10:starry_night; got {text!r}")
    moments = tuple(_moment(entry, known, strength) for entry in entries)
    times = [time for time, _ in moments]
    if any(after <= before for before, after in itertools.pairwise(times)):
        raise ConfigError(f"the times of a schedule must ascend: {text!r}")
    return Schedule(moments)


def number(text: str, what: str) -> float:
    """A number written by the user; `what` names it in the error. Raises `ConfigError` for anything else."""
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{what} is {text!r}, which is no number") from None


def _moment(entry: str, known: Sequence[str], strength: float) -> tuple[float, Look]:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise ConfigError(f"{entry!r} is not TIME:STYLE, such as 10:starry_night or 1:30:great_wave+udnie=0.5@0.8")
    time = 0.0
    for part in match["time"].split(":"):
        time = 60 * time + number(part, f"the time of {entry!r}")
    if match["strength"] is not None:
        strength = number(match["strength"], f"the strength of {entry!r}")
    styles = parse_styles(match["styles"].split("+"))
    return time, mix(_scaled(styles), known, strength)


def _scaled(styles: Mapping[str, float]) -> dict[str, float]:
    """Shares joined by `+` say a proportion and need not be told that they do not sum to 1."""
    total = sum(styles.values())
    return {name: share / total for name, share in styles.items()} if total > 0 else dict(styles)


def _shares(styles: Mapping[str, float], total: float) -> str:
    return ", ".join(f"{name}={share / total:.3g}" for name, share in styles.items())
