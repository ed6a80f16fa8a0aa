"""CPU time goes to the stage that spent it, worker threads included."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from streamsr.cpu import CpuMeter, thread_stage
from streamsr.report import Report, StageCost, Stopwatch

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))


@linux
def test_a_thread_and_the_threads_it_starts_count_as_its_stage() -> None:
    burn(0.1)  # before the meter: nobody's
    meter = CpuMeter()
    done, sampled = threading.Barrier(3), threading.Event()

    def worker() -> None:
        burn(0.15)
        done.wait(5)
        sampled.wait(5)

    def stage() -> None:
        with thread_stage("decode"):
            helper = threading.Thread(target=worker)
            helper.start()
            worker()
            helper.join()

    thread = threading.Thread(target=stage)
    thread.start()
    with thread_stage("encode"):
        burn(0.1)
        done.wait(5)
        meter.sample()
    sampled.set()
    thread.join()
    seconds = meter.seconds()
    assert seconds["decode"] == pytest.approx(0.3, abs=0.08)
    assert seconds["encode"] == pytest.approx(0.1, abs=0.05)
    assert seconds["process"] >= 0.4
    assert seconds.get("infer", 0.0) < 0.05  # idle workers of an engine of another test


@linux
def test_time_before_the_meter_does_not_count() -> None:
    with thread_stage("infer"):
        burn(0.1)
        meter = CpuMeter()
        assert meter.seconds().get("infer", 0.0) < 0.05


def test_the_stopwatch_counts_the_upstream_and_not_the_consumer() -> None:
    watch = Stopwatch()

    def slow() -> object:
        for item in range(3):
            time.sleep(0.02)
            yield item

    items = []
    for item in watch.around(slow()):
        time.sleep(0.03)
        items.append(item)
    assert items == [0, 1, 2]
    assert 0.06 <= watch.seconds < 0.09 + 0.06


def test_a_report_is_plain_json() -> None:
    report = Report("a", "b", "m", "openvino", "int8", fps=1 / 3, stages={"decode": StageCost(1.23456, 2)})
    plain = report.to_dict()
    assert plain["fps"] == 0.333
    assert plain["stages"] == {"decode": {"wall_ms": 1.235, "cpu_ms": 2}}
