from __future__ import annotations

import pytest

from benchmarks import performance
from benchmarks.roofline import frame_seconds, rows, workload
from benchmarks.speed_tables import (
    bench_machine,
    latency_table,
    peers_table,
    roofline_table,
    settings_table,
    speed_table,
)
from streamsr.bench.result import Peak
from streamsr.bench.spread import Spread
from tests.unit.bench.results import result, row


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_every_model_stands_in_its_fastest_setting() -> None:
    found = result(row(fps=30.0), row(fps=120.0, precision="int8"), row("slow", None))
    head, _, live, slow = cells(speed_table(found))
    assert head == ["model", "640x360: whole run / engine"]
    assert live == ["`live-x2`", "120 / 240 (openvino int8)"]
    assert slow == ["`slow`", "–"]


def test_settings_are_columns() -> None:
    found = result(row(fps=30.0), row(fps=60.0, backend="onnxruntime"), row("slow", None), row(width=320, height=180))
    head, _, live, slow = cells(settings_table(found, "640x360"))
    assert head == ["640x360", "openvino fp32", "onnxruntime fp32"]
    assert live[1:] == ["30.0", "60.0"]
    assert slow[1:] == ["–", "–"]


def test_latencies_accuracy_and_memory_stand_together() -> None:
    assert cells(latency_table(result(row()), "640x360"))[2] == [
        "`live-x2`",
        "openvino fp32",
        "20.0 / 22.0 / 25.0",
        "99.0",
        "0.21",
        "180",
        "41 %",
    ]


def test_what_is_missing_is_named() -> None:
    text = bench_machine(result(row(), row("slow", None)))
    assert "Not measured: `slow` 640x360 openvino fp32." in text
    assert "on 90 frames or more" in text
    assert "Nothing was left out." in bench_machine(result(row()))


def test_the_roofline_divides_what_was_measured_by_what_is_least() -> None:
    found = result(row("fast-x2", 50.0, width=64, height=48), row("fast-x2", None, width=96, height=48))
    (near,) = rows(found)
    work = workload("fast-x2", 64, 48, "fp32")
    assert near["matrix_ms"] == pytest.approx(1000 * work.flops / 150e9)
    assert near["copy_ms"] == pytest.approx(1000 * work.least_bytes("fp32") / 20e9)
    assert near["floor_ms"] == max(near["matrix_ms"], near["copy_ms"])
    assert near["measured_ms"] == 10.0
    assert near["over_floor"] == pytest.approx(10.0 / near["floor_ms"])
    assert near["layered_ms"] > near["copy_ms"]
    assert "| `fast-x2` | 64x48 | openvino fp32 |" in roofline_table({"rows": [near]})
    assert "fast-x2" not in roofline_table({"rows": [near]}, "640x360")


def test_without_peaks_there_is_no_floor() -> None:
    found = result(row("fast-x2", 50.0, width=64, height=48, backend="onnxruntime", device="GPU"))
    (near,) = rows(found)
    assert near["floor_ms"] is near["over_floor"] is near["layered_ms"] is None
    found.peaks.append(Peak("onnxruntime", "fp32", 75.0))
    (near,) = rows(found)
    assert near["over_floor"] == pytest.approx(10.0 / near["matrix_ms"])


def test_the_device_clock_wins() -> None:
    assert frame_seconds(row(fps=50.0, device_ms=Spread(4.0, 3.9, 4.1))) == 0.004
    assert frame_seconds(row(fps=None)) is None


def test_peers_are_ordered_by_speed_and_the_absent_come_last() -> None:
    def peer(name: str, fps: float) -> dict[str, object]:
        spread = {"median": fps, "min": fps - 1, "max": fps + 1}
        return {"name": name, "what": "x", "fps": spread, "cpu_ms": spread, "frames": 30, "psnr": 33.333}

    absent = {"name": "gone", "what": "y", "reason": "not installed: gone"}
    found = cells(peers_table({"rows": [peer("a", 5), absent, peer("b", 50)]}))
    assert [line[0] for line in found[2:]] == ["`b`", "`a`", "`gone`"]
    assert found[2][2:] == ["50.0 (49.0 to 51.0)", "33.33", "50", "30"]
    assert found[4][2] == "not installed: gone"


def test_what_was_not_measured_says_how() -> None:
    missing = performance.bench("no-such-result", speed_table)()
    assert missing == "Not measured yet; `scripts/performance bench` does it."


def test_a_stylizer_is_counted_in_its_first_style() -> None:
    painted, enlarged = (workload(model, 64, 48, "fp32") for model in ("style-live", "live-x2"))
    assert painted.flops > 0
    assert painted.flops != enlarged.flops
