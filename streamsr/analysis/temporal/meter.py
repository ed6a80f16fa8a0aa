"""The figures of a whole video, together: any one alone can be had cheaply, a low E_warp by blurring."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ...errors import ConfigError
from .metrics import decibels, detail, squared_errors, warp_error
from .steps import Moment, Step

GHOST = 35.0
"""PSNR in dB to the unsmoothed frame below which, after a cut, the scene before is still to be seen."""


@dataclass(frozen=True, slots=True)
class FrameFigures:
    """What is measured of one frame; the errors are of the step that led to it, None where there is none."""

    frame: int
    cut: bool
    e_warp: float | None
    e_warp_source: float | None
    e_warp_reference: float | None
    sharpness: float
    """Of the frame alone, as `TemporalScore.sharpness`."""
    psnr: float | None
    """dB, to the unsmoothed frame."""


@dataclass(frozen=True, slots=True)
class TemporalScore:
    """How still a video holds, and what that cost."""

    frames: int
    pairs: int
    """Pairs of frames without a cut between them; errors are the means over these."""
    e_warp: float
    """As `metrics.warp_error`."""
    e_warp_source: float
    """Of the video it was made of: noise, and movement that the flow does not follow. No method comes below."""
    e_warp_reference: float | None
    """Of the same without smoothing."""
    sharpness: float
    """mean |Laplacian(Y)|, in units of that of the unsmoothed video; of the source where that is not given."""
    e_n: float
    """`e_warp` / `sharpness`^2: what is won by blurring is taken off. Methods are ranked by it."""
    psnr_occluded: float | None
    """dB, to the unsmoothed video in the pixels that the frame before does not show: low where ghosts are."""
    occluded: float
    """Share of those pixels."""
    cuts: tuple[int, ...]
    """Frames that scenes begin with, the first one aside."""
    ghosts: tuple[int, ...] | None
    """For each cut, the number of frames until the first one that is within `GHOST` of the unsmoothed video."""


@dataclass(slots=True)
class _Mean:
    total: float = 0.0
    count: int = 0

    def add(self, total: float, count: int = 1) -> None:
        self.total, self.count = self.total + total, self.count + count

    @property
    def value(self) -> float:
        return self.total / self.count if self.count else 0.0


@dataclass(slots=True)
class _Ghosts:
    """Counts the frames after each cut until the scene before is gone."""

    counts: list[int] = field(default_factory=list)
    lingering: bool = False

    def add(self, cut: bool, psnr: float) -> None:
        if cut:
            self.counts.append(0)
        self.lingering = (cut or self.lingering) and psnr < GHOST
        if self.lingering:
            self.counts[-1] += 1


class TemporalMeter:
    """Takes the steps of a video one by one; memory does not grow, but for a number at each cut."""

    def __init__(self) -> None:
        self._errors = {"output": _Mean(), "source": _Mean(), "reference": _Mean()}
        self._detail, self._detail_base = _Mean(), _Mean()
        self._occluded, self._share = _Mean(), _Mean()
        self._cuts: list[int] = []
        self._ghosts = _Ghosts()
        self._compared = False

    def add(self, step: Step) -> FrameFigures:
        """Measure one step, count it in, and return what was found."""
        now, sharpness = step.now, self._sharpness(step.now)
        if step.cut:
            self._cuts.append(step.index)
        psnr = None
        if now.reference is not None:
            self._compared = True
            psnr = decibels(float(squared_errors(now.output, now.reference).mean(dtype=np.float64)))
            self._ghosts.add(step.cut, psnr)
        errors = self._pair(step)
        return FrameFigures(
            step.index,
            step.cut,
            errors.get("output"),
            errors.get("source"),
            errors.get("reference"),
            sharpness,
            psnr,
        )

    def _sharpness(self, now: Moment) -> float:
        base = detail(now.source if now.reference is None else now.reference)
        found = detail(now.output)
        self._detail.add(found)
        self._detail_base.add(base)
        return _ratio(found, base)

    def _pair(self, step: Step) -> dict[str, float]:
        """The errors of every video over one step."""
        if step.before is None or step.motion is None:
            return {}
        found = {}
        for video, error in self._errors.items():
            first, second = getattr(step.before, video), getattr(step.now, video)
            if first is not None and second is not None:
                found[video] = warp_error(first, second, step.motion)
                error.add(found[video])
        where = step.motion.occluded
        self._share.add(float(where.sum()), where.size)
        if step.now.reference is not None:
            errors = squared_errors(step.now.output, step.now.reference)[where]
            self._occluded.add(float(errors.sum(dtype=np.float64)), errors.size)
        return found

    def score(self) -> TemporalScore:
        """The figures over all steps so far.

        Raises:
            ConfigError: there were fewer than two frames, or a cut between any two.
        """
        frames, pairs = self._detail.count, self._errors["output"].count
        if not pairs:
            what = f"{frames} frame{'s' * (frames != 1)}" if frames < 2 else "a cut between any two frames"
            raise ConfigError(f"there is {what}: how still a video holds shows from two frames of one scene on")
        sharpness = _ratio(self._detail.value, self._detail_base.value)
        error = self._errors["output"].value
        return TemporalScore(
            frames=frames,
            pairs=pairs,
            e_warp=error,
            e_warp_source=self._errors["source"].value,
            e_warp_reference=self._errors["reference"].value if self._compared else None,
            sharpness=sharpness,
            e_n=error / sharpness**2 if 0 < sharpness < math.inf else math.inf,
            psnr_occluded=decibels(self._occluded.value) if self._compared and self._occluded.count else None,
            occluded=self._share.value,
            cuts=tuple(self._cuts),
            ghosts=tuple(self._ghosts.counts) if self._compared else None,
        )


def _ratio(part: float, whole: float) -> float:
    """1 for two flat videos; infinite where only the `whole` is nothing."""
    if whole == 0:
        return 1.0 if part == 0 else math.inf
    return part / whole
