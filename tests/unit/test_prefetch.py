"""The hand-off ends cleanly whichever side fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from streamsr.prefetch import prefetch


class Boom(Exception):
    pass


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


class Counting:
    """A source of 1,000 numbers that may fail, and knows whether it was closed."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.fail_at = fail_at
        self.produced = 0
        self.closed_in: str | None = None

    def __iter__(self) -> Iterator[int]:
        for number in range(1000):
            if number == self.fail_at:
                raise Boom(number)
            self.produced += 1
            yield number

    def close(self) -> None:
        self.closed_in = threading.current_thread().name


def test_items_arrive_in_order_and_the_source_is_closed_by_its_own_thread() -> None:
    source = Counting()
    assert list(prefetch(source, depth=3, name="worker")) == list(range(1000))
    assert source.closed_in == "worker"


def test_the_source_runs_at_most_depth_items_ahead() -> None:
    source = Counting()
    with closing(prefetch(source, depth=2)) as items:
        next(items)
        time.sleep(0.2)
        assert source.produced <= 1 + 2 + 1  # taken, queued, and the one in hand


def test_an_error_upstream_arrives_as_itself_after_the_items_before_it() -> None:
    items = prefetch(Counting(fail_at=10))
    taken = [next(items) for _ in range(10)]
    with pytest.raises(Boom) as caught:
        next(items)
    assert taken == list(range(10))
    assert caught.value.args == (10,)


def test_leaving_early_stops_a_blocked_thread_at_once() -> None:
    source = Counting()
    started = time.monotonic()
    with pytest.raises(Boom), closing(prefetch(source, depth=1)) as items:
        for number in items:
            if number == 10:
                raise Boom
    assert time.monotonic() - started < 1
    assert source.produced < 20
    assert source.closed_in is not None


def test_stages_compose_and_a_failure_in_the_middle_ends_all() -> None:
    source = Counting()

    def middle(numbers: Iterator[int]) -> Iterator[int]:
        for number in numbers:
            if number == 10:
                raise Boom("middle")
            yield number

    with closing(prefetch(source, name="first")) as first, closing(prefetch(middle(first), name="second")) as second:
        with pytest.raises(Boom, match="middle"):
            list(second)
    assert source.closed_in == "first"


def test_an_error_while_closing_the_source_is_not_lost() -> None:
    class Leaky(Counting):
        def close(self) -> None:
            raise Boom("close")

    with pytest.raises(Boom, match="close"):
        list(prefetch(Leaky()))
