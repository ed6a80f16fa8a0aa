from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from streamsr.media.timing import Clock, Moment, in_order, refine

MS = Fraction(1, 1000)


def run(times: list[int | None], durations: list[int | None] | None = None, rate: int = 25) -> list[Moment]:
    clock = Clock(MS, Fraction(rate))
    return [clock.next(pts, duration=d) for pts, d in zip(times, durations or [None] * len(times), strict=True)]


def pts(moments: list[Moment]) -> list[int]:
    return [moment.pts for moment in moments]


@pytest.mark.parametrize("times", [[0, 40, 80], [1400, 1433, 1467], [-80, -40, 0], [0, 1, 2, 500], [7, 300, 301, 302]])
def test_what_increases_is_kept_to_the_tick(times: list[int]) -> None:
    assert pts(run(list(times))) == times


def test_no_timestamps_at_all_follow_the_frame_rate_without_drift() -> None:
    clock = Clock(Fraction(1, 90000), Fraction(30000, 1001))
    ticks = [clock.next(None).pts for _ in range(1001)]
    assert ticks[:3] == [0, 3003, 6006]
    assert ticks[-1] == 3003 * 1000
    clock = Clock(MS, Fraction(30000, 1001))
    assert [clock.next(None).pts for _ in range(3001)][-1] == round(3000 * 1001 / 30)


def test_missing_ones_are_filled_in_and_known_ones_stay() -> None:
    assert pts(run([0, None, None, 120, None, 200])) == [0, 40, 80, 120, 160, 200]
    assert pts(run([None, None, 80])) == [0, 40, 80]


def test_missing_ones_use_the_declared_duration() -> None:
    assert pts(run([0, None, None], [100, 100, 100])) == [0, 100, 200]


def test_decoding_times_stand_in_only_while_no_pts_is_known() -> None:
    clock = Clock(MS, Fraction(25))
    assert [clock.next(None, dts).pts for dts in (10, 70, 90)] == [10, 70, 90]
    assert clock.next(200).pts == 200
    assert clock.next(None, 99).pts == 240


def test_repeated_and_disordered_timestamps_move_by_a_millisecond() -> None:
    assert pts(run([0, 40, 40, 80, 70, 120])) == [0, 40, 41, 80, 81, 120]
    clock = Clock(Fraction(1, 90000), Fraction(25))
    assert [clock.next(t).pts for t in (0, 3600, 3600, 7200)] == [0, 3600, 3690, 7200]


def test_a_new_clock_is_joined_on_and_is_a_cut() -> None:
    moments = run([10_000, 10_040, 10_080, 0, 40, 80])
    assert pts(moments) == [10_000, 10_040, 10_080, 10_120, 10_160, 10_200]
    assert [moment.cut for moment in moments] == [True, False, False, True, False, False]


def test_a_gap_is_a_cut_unless_the_frame_was_meant_to_last() -> None:
    assert [m.cut for m in run([0, 40, 1500])] == [True, False, True]
    assert [m.cut for m in run([0, 40, 1500], [40, 1460, 40])] == [True, False, False]


def test_durations_pass_and_zero_is_none() -> None:
    assert [m.duration for m in run([0, 40, 80], [40, 0, None])] == [40, None, None]


def test_random_damage_always_increases_strictly() -> None:
    import random

    for seed in range(200):
        chance = random.Random(seed)
        times = [None if chance.random() < 0.3 else chance.randrange(-100, 5000) for _ in range(60)]
        ticks = pts(run(times))
        assert all(b > a for a, b in pairwise(ticks)), times


def test_refine_gives_at_most_a_millisecond() -> None:
    for time_base in (Fraction(1, 25), Fraction(1001, 30000), Fraction(1), Fraction(1, 999), MS, Fraction(1, 90000)):
        fine = time_base / refine(time_base)
        assert fine <= MS
        assert refine(time_base) == 1 or fine > MS / 2


def test_in_order_sorts_within_the_reordering_depth_and_leaves_gaps() -> None:
    given = [1, 3, 2, 5, 4, None, 7, 6]
    out = list(in_order(enumerate(given), depth=4))
    assert [item for item, _ in out] == list(range(8))
    assert [time for _, time in out] == [1, 2, 3, 4, 5, None, 6, 7]
    assert list(in_order([], depth=4)) == []
