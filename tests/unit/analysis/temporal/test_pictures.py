from __future__ import annotations

import sys
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from streamsr.analysis.sheet import GAP, HEAD
from streamsr.analysis.temporal.meter import FrameFigures, TemporalMeter
from streamsr.analysis.temporal.plot import draw
from streamsr.analysis.temporal.steps import Moment, Motion, Step, steps
from streamsr.analysis.temporal.strip import GAIN, ROWS, Strip
from streamsr.errors import MissingDependencyError

SIZE = 40, 56


def flat(level: int) -> np.ndarray:
    return np.full((*SIZE, 3), level, np.uint8)


def still_steps(moments: list[Moment]) -> Iterator[Step]:
    nothing = np.zeros((*SIZE, 2), np.float32)
    yield from steps(moments, flow=lambda *_: nothing, is_cut=lambda _: False)


def sheet(moments: list[Moment]) -> np.ndarray:
    strip = Strip()
    for step in still_steps(moments):
        strip.add(step)
    return strip.picture()


def panel(picture: np.ndarray, row: int, column: int) -> np.ndarray:
    top, left = HEAD + row * (SIZE[0] + GAP), column * (SIZE[1] + GAP)
    return picture[top : top + SIZE[0], left : left + SIZE[1]]


def test_a_row_shows_the_videos_and_what_flickers() -> None:
    moments = [Moment(flat(50), flat(100 + 2 * (i % 2)), flat(100 + 10 * (i % 2))) for i in range(3)]
    picture = sheet(moments)
    assert picture.shape == (HEAD + 2 * (SIZE[0] + GAP), 5 * (SIZE[1] + GAP), 3)
    levels = [[int(panel(picture, row, column).mean()) for column in range(5)] for row in range(2)]
    assert levels[0] == [50, 110, 102, 10 * GAIN, 2 * GAIN]
    assert levels[1] == [50, 100, 100, 10 * GAIN, 2 * GAIN]


def test_what_was_hidden_is_black() -> None:
    moments = [Moment(flat(50), flat(100)), Moment(flat(50), flat(120))]
    step = list(still_steps(moments))[1]
    assert isinstance(step.motion, Motion)
    step.motion.kept[:, :10] = False
    strip = Strip()
    strip.add(step)
    flicker = panel(strip.picture(), 0, 2)
    assert (flicker[:, :10].max(), flicker[:, 10:].min()) == (0, 20 * GAIN)


@pytest.mark.parametrize("frames", [2, 5, 7, 30, 101])
def test_moments_are_spread_evenly_however_long_the_video(frames: int) -> None:
    picture = sheet([Moment(flat(2 * i), flat(0)) for i in range(frames)])
    rows = (picture.shape[0] - HEAD) // (SIZE[0] + GAP)
    shown = [int(panel(picture, row, 0)[0, 0, 0]) // 2 for row in range(rows)]
    assert rows == min(ROWS, frames - 1)
    assert shown[0] == 1
    assert shown[-1] > 0.65 * (frames - 1)
    gaps = np.diff(shown)
    assert not len(gaps) or gaps.max() <= 2 * gaps.min()


def test_nothing_to_show() -> None:
    assert (sheet([]) == 255).all()


def test_large_pictures_are_shrunk() -> None:
    strip = Strip()
    large = np.zeros((100, 800, 3), np.uint8)
    for step in steps([Moment(large, large)] * 2):
        strip.add(step)
    assert strip.picture().shape == (HEAD + 40 + GAP, 3 * (320 + GAP), 3)


def figures(compared: bool) -> list[FrameFigures]:
    meter = TemporalMeter()
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8) for _ in range(4)]
    return [meter.add(step) for step in still_steps([Moment(p, p, p // 2 if compared else None) for p in pictures])]


@pytest.mark.parametrize("compared", [True, False])
def test_a_plot_is_a_png(compared: bool) -> None:
    picture = cv2.imdecode(np.frombuffer(draw(figures(compared), "clip"), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[0] > 500
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20, "curves"


def test_plots_need_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"streamsr\[bench\]"):
        draw(figures(True), "clip")
