"""Looks: mixing styles, fading between them, and reading both from text."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from streamsr.errors import ConfigError, UnknownNameError
from streamsr.look import FADE, Look, Schedule, mix, parse_schedule, parse_styles

KNOWN = ("great_wave", "starry_night", "udnie")
WAVE, NIGHT = Look((1, 0, 0)), Look((0, 1, 0), 0.4)


def test_shares_keep_the_order_of_the_stylizer() -> None:
    assert mix({"udnie": 0.25, "great_wave": 0.75}, KNOWN, 0.8) == Look((0.75, 0, 0.25), 0.8)


def test_shares_are_scaled_to_one_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "streamsr"):
        look = mix({"great_wave": 1, "starry_night": 0.5}, KNOWN)
    assert look.weights == pytest.approx((2 / 3, 1 / 3, 0))
    assert "sum to 1.5" in caplog.text
    assert "great_wave=0.667" in caplog.text


def test_shares_that_sum_to_one_are_taken_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    mix({"great_wave": 0.1, "starry_night": 0.2, "udnie": 0.7}, KNOWN)
    assert not caplog.records


def test_an_unknown_style_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="starry_night"):
        mix({"stary_night": 1}, KNOWN)


@pytest.mark.parametrize("shares", [{"udnie": -1}, {"udnie": 0}, {"udnie": float("nan")}, {"udnie": float("inf")}, {}])
def test_impossible_shares_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        mix(shares, KNOWN)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_out_of_range_is_refused(strength: float) -> None:
    with pytest.raises(ConfigError, match="strength"):
        mix({"udnie": 1}, KNOWN, strength)


def test_tensors_are_what_a_stylizer_takes() -> None:
    weights, strength = NIGHT.tensors()
    assert weights.shape == (1, 3)
    assert strength.shape == (1, 1)
    assert weights.dtype == strength.dtype == np.float32
    assert weights.tolist() == [[0, 1, 0]]
    assert strength[0, 0] == np.float32(0.4)


def test_styles_are_read_with_and_without_a_share() -> None:
    assert parse_styles(["great_wave", "udnie=0.5", "udnie=.25"]) == {"great_wave": 1, "udnie": 0.75}


@pytest.mark.parametrize("text", ["", "=0.5", "udnie=much", "udnie="])
def test_styles_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_styles([text])


def test_a_change_fades_in_from_its_moment_on() -> None:
    schedule = Schedule(((0, WAVE), (10, NIGHT)))
    assert schedule.fixed is None
    assert schedule.at(0) == schedule.at(10) == WAVE
    halfway = schedule.at(10 + FADE / 2)
    assert halfway.weights == pytest.approx((0.5, 0.5, 0))
    assert halfway.strength == pytest.approx(0.7)
    assert schedule.at(10 + FADE) == schedule.at(99) == NIGHT


def test_the_first_look_holds_before_its_time() -> None:
    assert Schedule(((5, WAVE), (10, NIGHT))).at(0) == WAVE


def test_a_fade_during_a_fade_does_not_jump() -> None:
    schedule = Schedule(((0, WAVE), (1, NIGHT), (1 + FADE / 2, Look((0, 0, 1)))))
    times = np.arange(0.9, 2.2, 0.001)
    path = np.array([schedule.at(time).weights for time in times])
    assert np.abs(np.diff(path, axis=0)).max() < 0.01
    assert path.sum(axis=1) == pytest.approx(1)
    assert path[-1].tolist() == [0, 0, 1]


def test_a_schedule_of_one_look_is_fixed() -> None:
    assert parse_schedule("0:udnie", KNOWN).fixed == Look((0, 0, 1))
    assert parse_schedule("0:udnie,3:udnie", KNOWN).fixed == Look((0, 0, 1))


def test_a_schedule_is_read(caplog: pytest.LogCaptureFixture) -> None:
    schedule = parse_schedule("0:great_wave, 1:30:starry_night+udnie=3@0.6", KNOWN, 0.9)
    assert schedule.moments == ((0, Look((1, 0, 0), 0.9)), (90, Look((0, 0.25, 0.75), 0.6)))
    assert not caplog.records


@pytest.mark.parametrize(
    "text",
    ["", ",", "great_wave", "x:great_wave", "0:", "0:great_wave@", "0:great_wave@x", "0:great_wave@2", "1:2:3:..:udnie",
     "5:great_wave,5:udnie", "5:great_wave,1:udnie", "0:udnie=0"],
)  # fmt: skip
def test_schedules_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_schedule(text, KNOWN)


def test_a_schedule_of_too_many_entries_is_refused() -> None:
    with pytest.raises(ConfigError, match="1000"):
        parse_schedule(",".join(f"{second}:udnie" for second in range(1001)), KNOWN)
