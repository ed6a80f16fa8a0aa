"""The benchmark itself, on pictures so small that it takes no time."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsr.bench.build import build, compile_options
from streamsr.bench.case import Case, cases
from streamsr.bench.footage import synthetic
from streamsr.bench.measure import FRAMES_LEAST, frames_for, measure
from streamsr.bench.plan import Effort
from streamsr.bench.result import Result
from streamsr.bench.run import Bench
from streamsr.bench.settings import Settings
from streamsr.errors import ConfigError, EngineError
from streamsr.zoo.catalog import STYLIZER

QUICK = Settings(Effort(rounds=1, seconds=0.01), codecs=False, threads=1)
FAST = Case("fast-x2", 48, 32, "openvino", "fp32")


@pytest.fixture(autouse=True)
def no_peaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take long, and have tests of their own."""
    monkeypatch.setattr(Bench, "_find_peaks", lambda self: None)


def test_rows_that_cannot_be_measured_say_why_and_stop_nothing() -> None:
    impossible = [
        Case("fast-x2", 48, 32, "openvino", "fp7"),
        Case("srcnn-x2", 48, 32, "openvino", "int8"),
    ]
    (first, second, good) = Bench([*impossible, FAST], QUICK).run().rows
    assert (first.status, second.status, good.status) == ("failed", "failed", "measured")
    assert "fp7" in str(first.reason)
    assert second.reason == "srcnn-x2 does not come in int8"
    assert good.frames >= FRAMES_LEAST
    assert good.psnr_db is not None
    assert good.psnr_db > 60


def test_a_build_is_the_same_engine_again(tmp_path: Path) -> None:
    footage = synthetic(48, 32)
    built = build(FAST, footage, compile_options("openvino", "CPU", 1), tmp_path)
    assert built.blob
    assert built.workload.flops > 0
    assert built.scale == 2
    sample = measure(built, footage, 0.01, tmp_path)
    assert len(sample.latencies) == sample.engine.frames >= FRAMES_LEAST
    assert sample.whole.fps > 0
    assert sample.device_ms is None
    assert sample.gpu.watts is None


def test_a_stylizer_paints_its_first_style() -> None:
    (row,) = Bench([Case(STYLIZER, 64, 48, "openvino", "fp32")], QUICK).run().rows
    assert (row.status, row.reason, row.scale) == ("measured", None, 1)


def test_frames_are_enough_and_not_too_many() -> None:
    assert frames_for(1.0, 5.0) == FRAMES_LEAST
    assert frames_for(1.0, 0.1) == 10
    assert frames_for(100.0, 1e-4) == 2000


def test_a_model_that_is_too_slow_is_left_out_of_the_budget() -> None:
    settings = Settings(Effort(rounds=2, seconds=0.01, budget=0.5), codecs=False, threads=1)
    (row,) = Bench([FAST], settings).run().rows
    assert row.status == "left out"
    assert "budget" in str(row.reason)


def test_interrupted_it_tells_what_it_has() -> None:
    def say(text: str) -> None:
        if "round 2" in text and "2/2" in text:
            raise KeyboardInterrupt

    settings = Settings(Effort(rounds=3, seconds=0.01), codecs=False, threads=1)
    bench = Bench(cases(["fast-x2"], [(48, 32), (64, 48)], ["openvino"], ["fp32"]), settings, say)
    found = bench.run()
    assert found.interrupted
    assert [row.rounds for row in found.rows] == [2, 1]
    early = Bench([FAST], QUICK, lambda text: _interrupt()).run()
    assert [row.status for row in early.rows] == ["not reached"]
    assert Result.from_json(early.to_json()).interrupted


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_too_little_memory_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("streamsr.bench.build.available_memory", lambda: 1 << 10)
    with pytest.raises(EngineError, match="are needed"):
        build(FAST, synthetic(48, 32), compile_options("openvino", "CPU", 1), tmp_path)


def test_settings_are_told() -> None:
    assert QUICK.to_dict()["footage"] == "synthetic"
    assert QUICK.to_dict()["encoding"] is None
    with_clip = Settings(clip=Path("a/film.mkv")).to_dict()
    assert with_clip["footage"] == "film.mkv"
    assert with_clip["encoding"] == {"codec": "libx264", "crf": 20, "preset": "veryfast"}
    with pytest.raises(ConfigError):
        Settings(Effort(seconds=-1))
