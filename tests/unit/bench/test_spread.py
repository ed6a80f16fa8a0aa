from __future__ import annotations

from streamsr.bench.spread import Spread, percentile


def test_a_spread_holds_the_middle_and_both_ends() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert Spread.of(iter([5.0])) == Spread(5.0, 5.0, 5.0)


def test_spreads_that_touch_overlap() -> None:
    assert Spread(2, 1, 3).overlaps(Spread(4, 3, 5))
    assert not Spread(2, 1, 3).overlaps(Spread(4, 3.1, 5))
    assert Spread(4, 1, 9).overlaps(Spread(2, 2, 2))


def test_a_percentile_is_a_value_that_occurred() -> None:
    values = [float(each) for each in range(1, 101)]
    assert [percentile(values, each) for each in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert [percentile([7.0, 3.0, 5.0], each) for each in (0, 50, 99)] == [3, 5, 7]
