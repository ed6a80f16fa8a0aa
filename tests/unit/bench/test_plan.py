from __future__ import annotations

import pytest

from streamsr.bench.case import Case
from streamsr.bench.plan import ROUNDS_LEAST, SECONDS_LEAST, Effort, plan, row_seconds, too_slow
from streamsr.errors import ConfigError


def case(name: str) -> Case:
    return Case(name, 640, 360, "openvino", "fp32")


def taken(frame_seconds: dict[Case, float], effort: Effort) -> float:
    found = plan(frame_seconds, effort)
    assert {*found.rounds, *found.left_out} == {*frame_seconds}
    return sum(rounds * row_seconds(frame_seconds[each], found.seconds) for each, rounds in found.rounds.items())


def test_without_a_budget_everything_is_as_asked() -> None:
    found = plan({case("slow"): 60.0}, Effort(rounds=5, seconds=2.0))
    assert (found.rounds, found.seconds, found.left_out) == ({case("slow"): 5}, 2.0, {})


def test_a_slow_model_takes_the_least_frames_however_long_they_last() -> None:
    assert row_seconds(2.0, 0.1) == row_seconds(2.0, 1.0) > 18
    assert row_seconds(0.001, 1.0) < 4


def test_measurements_become_shorter_before_rounds_become_fewer() -> None:
    fast = {case(str(index)): 0.01 for index in range(20)}
    generous, tight, tighter = (plan(fast, Effort(3, 1.0, budget)) for budget in (500, 90, 45))
    assert {*generous.rounds.values()} == {*tight.rounds.values()} == {3}
    assert generous.seconds == 1.0
    assert SECONDS_LEAST <= tight.seconds < 1.0
    assert {*tighter.rounds.values()} == {ROUNDS_LEAST}
    assert tighter.seconds == SECONDS_LEAST


def test_what_does_not_fit_is_left_out_slowest_first_and_said() -> None:
    frames = {case(str(index)): 0.01 * (index + 1) for index in range(40)}
    effort = Effort(3, 1.0, 40)
    left_out = plan(frames, effort).left_out
    assert 0 < len(left_out) < 40
    assert min(frames[each] for each in left_out) > max(frames[each] for each in frames if each not in left_out)
    assert all("budget of 40 s" in reason for reason in left_out.values())
    assert taken(frames, effort) <= 40


def test_one_row_may_not_eat_the_budget() -> None:
    frames = {case("fast"): 0.01, case("slow"): 5.0}
    found = plan(frames, Effort(3, 1.0, 300))
    assert list(found.left_out) == [case("slow")]
    assert "a frame takes about 5.0 s" in found.left_out[case("slow")]
    assert too_slow(5.0, Effort()) is None


def test_a_slow_row_has_one_round_before_it_has_none() -> None:
    found = plan({case("fast"): 0.01, case("slow"): 1.0}, Effort(3, 1.0, 300), spent=280)
    assert found.rounds == {case("fast"): 2, case("slow"): 1}
    assert found.left_out == {}


def test_what_is_spent_is_not_there_any_more() -> None:
    fast = {case(str(index)): 0.01 for index in range(20)}
    assert plan(fast, Effort(3, 1.0, 500), spent=410).seconds == plan(fast, Effort(3, 1.0, 90)).seconds
    assert len(plan(fast, Effort(3, 1.0, 500), spent=600).left_out) == 20


@pytest.mark.parametrize("effort", [{"rounds": 0}, {"seconds": 0.0}, {"budget": -1.0}])
def test_an_effort_that_is_none_is_refused(effort: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(effort))):
        Effort(**effort)
