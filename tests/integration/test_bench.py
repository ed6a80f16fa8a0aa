"""`streamsr bench`, really run."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from streamsr.bench.result import SCHEMA
from tests.clips import make_clip
from tests.integration.conftest import Run

QUICK = ("--rounds", "1", "--seconds", "0.05", "--threads", "1", "-q")


def test_bench_prints_a_result_that_the_schema_takes(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "speed.png"
    assert run("bench", "live-x2", "--size", "64x48", "--json", "--plot", plot, *QUICK) == 0
    text = capsys.readouterr().out
    raw = json.loads(text)
    jsonschema.validate(raw, json.loads(SCHEMA.read_text("utf-8")))
    assert plot.read_bytes().startswith(b"\x89PNG")
    rows = {(row["backend"], row["precision"]): row for row in raw["rows"]}
    assert {("openvino", "fp32"), ("onnxruntime", "fp32"), ("onnxruntime", "int8")} <= set(rows)
    for row in rows.values():
        assert (row["model"], row["status"], row["reason"]) == ("live-x2", "measured", None)
        assert row["whole_frames"] >= 3
        assert row["fps"]["low"] <= row["fps"]["median"] <= row["fps"]["high"]
        assert row["latency_ms"]["p50"] <= row["latency_ms"]["p99"]
        assert row["psnr_db"] > (60 if row["precision"] == "fp32" else 38)
        assert row["vram_mib"] is row["watts"] is row["device_ms"] is None
        assert row["matrix_share"] > 0
    assert raw["settings"]["encoding"]["codec"] == "libx264"
    here = tmp_path / "here.json"
    here.write_text(text)
    assert run("bench", "--compare", here, here) == 0
    assert capsys.readouterr().out.count("within the spread") == len(rows)


def test_bench_of_a_clip_has_its_size(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "film.mkv"
    make_clip(clip, width=80, height=48, frames=5, audio=1)
    one = ("--backend", "openvino", "--precision", "fp32")
    assert run("bench", "fast-x2", "--clip", clip, *one, *QUICK) == 0
    out = capsys.readouterr().out
    assert "80x48" in out
    assert "film.mkv" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--suite", "standard", "live-x2"), "a suite has"),
        (("--clip", "x.mkv", "--size", "64x48"), "own size"),
        (("--size", "big"), "'big' is not a size"),
        (("--compare", "a.json", "b.json"), "a.json cannot be read"),
        (("--backend", "cuda"), "no backend named 'cuda'"),
    ],
)
def test_what_means_nothing_is_said(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert run("bench", *arguments) in (1, 2)
    assert message in capsys.readouterr().err
