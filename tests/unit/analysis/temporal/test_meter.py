from __future__ import annotations

import math
import weakref
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from streamsr.analysis.temporal.meter import TemporalMeter, TemporalScore
from streamsr.analysis.temporal.steps import Moment, steps
from streamsr.errors import ConfigError

SIZE = 48, 64


def noise(seed: int, mean: float = 128, sigma: float = 9) -> np.ndarray:
    return np.rint(np.random.default_rng(seed).normal(mean, sigma, (*SIZE, 3))).clip(0, 255).astype(np.uint8)


def flat(level: float) -> np.ndarray:
    return np.full((*SIZE, 3), round(level), np.uint8)


def scene(seed: int) -> np.ndarray:
    smooth = cv2.GaussianBlur(np.random.default_rng(seed).random((*SIZE, 3), dtype=np.float32), (0, 0), 4)
    return cv2.normalize(smooth, None, 20, 235, cv2.NORM_MINMAX).astype(np.uint8)


def measured(moments: list[Moment]) -> TemporalScore:
    meter = TemporalMeter()
    for step in steps(moments):
        meter.add(step)
    return meter.score()


def test_flicker_on_a_still_scene_is_twice_its_variance() -> None:
    """Against the source, which does not move at all; the reference flickers three times as much."""
    still = scene(0)
    score = measured([Moment(still, noise(i), noise(50 + i, sigma=27)) for i in range(8)])
    rounding = 1 / 12 / 255**2
    assert score.e_warp == pytest.approx(2 * (9 / 255) ** 2 + 2 * rounding, rel=0.03)
    assert score.e_warp_reference == pytest.approx(2 * (27 / 255) ** 2, rel=0.03)
    assert score.e_warp_source == 0
    assert score.sharpness == pytest.approx(1 / 3, rel=0.03)
    assert score.e_n == pytest.approx(score.e_warp / score.sharpness**2)
    assert (score.frames, score.pairs, score.cuts, score.ghosts, score.occluded) == (8, 7, (), (), 0)
    assert score.psnr_occluded is None, "nothing was hidden"


def test_a_pan_is_followed() -> None:
    large = cv2.resize(scene(3), (200, 150), interpolation=cv2.INTER_CUBIC)
    frames = [large[i : i + 80, 2 * i : 2 * i + 100].copy() for i in range(6)]
    assert measured([Moment(frame, frame) for frame in frames]).e_warp < 1e-4
    stuck = measured([Moment(frame, frames[0]) for frame in frames])
    assert stuck.e_warp > 20 * stuck.e_warp_source, "what stands still while the scene moves does not hold still"


@pytest.mark.parametrize("weight", [0.5, 0.8, 0.0])
def test_ghosts_after_a_cut_are_counted(weight: float) -> None:
    """A running mean: k frames after the cut, weight^(k+1) of the step is left, and 20 log10 of that is its PSNR."""
    sources = [scene(1)] * 4 + [scene(2)] * 40
    levels = [60.0] * 4 + [180.0] * 40
    mean, moments = 60.0, []
    for source, level in zip(sources, levels, strict=True):
        mean = weight * mean + (1 - weight) * level
        moments.append(Moment(source, flat(mean), flat(level)))
    score = measured(moments)
    step = 120 / 255
    expected = next(k for k in range(40) if weight == 0 or -20 * math.log10(step * weight ** (k + 1)) > 35)
    assert score.cuts == (4,)
    assert score.ghosts is not None
    assert abs(score.ghosts[0] - expected) <= (weight > 0)  # levels are rounded
    assert score.pairs == 42, "the pair across the cut is left out"


def test_ghosts_in_what_was_occluded_lower_its_psnr() -> None:
    """A square moves over a still ground; the output is off by 51 of 255 in every pixel: 14 dB wherever one looks."""
    moments = []
    for i in range(6):
        source = scene(5)
        source[14:34, 8 + 4 * i : 28 + 4 * i] = noise(9, sigma=60)[:20, :20]
        moments.append(Moment(source, source // 2 + 51, source // 2))
    score = measured(moments)
    assert score.psnr_occluded == pytest.approx(-20 * math.log10(0.2), abs=1e-3)
    assert 0.01 < score.occluded < 0.4


def test_sharpness_is_relative_to_the_source_without_a_reference() -> None:
    source = noise(0, sigma=30)
    half = [Moment(source, np.rint(source / 2).astype(np.uint8))] * 3
    score = measured(half)
    assert score.sharpness == pytest.approx(0.5, rel=0.02)
    assert score.e_warp_reference is None
    assert score.ghosts is None


def test_a_flat_video_does_not_win() -> None:
    score = measured([Moment(scene(1), flat(90))] * 3)
    assert (score.e_warp, score.sharpness, score.e_n) == (0, 0, math.inf)


def test_what_cannot_be_measured() -> None:
    with pytest.raises(ConfigError, match="0 frames"):
        measured([])
    with pytest.raises(ConfigError, match="1 frame:"):
        measured([Moment(scene(0), scene(0))])
    with pytest.raises(ConfigError, match="a cut between any two frames"):
        measured([Moment(scene(i), scene(i)) for i in range(2)])


def test_two_frames_are_in_memory_at_a_time() -> None:
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def moments() -> Iterator[Moment]:
        nonlocal most
        for index in range(12):
            source, output = noise(index), noise(100 + index)
            alive.extend((weakref.ref(source), weakref.ref(output)))
            yield Moment(source, output)
            del source, output
            most = max(most, sum(each() is not None for each in alive))

    meter = TemporalMeter()
    for step in steps(moments()):
        meter.add(step)
        del step
    assert 0 < most <= 4
