"""`streamsr compile`: plans on disk, and what is said about them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamsr.cli.compile_options import parse_range
from streamsr.errors import ConfigError
from tests.integration.conftest import Run

pytestmark = pytest.mark.tensorrt_rtx


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return tmp_path / "model.plan"


def test_a_plan_and_its_report(run: Run, plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("compile", "fast-x2", "--size", "64x48", "--report", "-o", plan) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[:4] == [
        "plane.0 uint8 [48, 64]",
        "plane.1 uint8 [24, 32, 2]",
        "-> out.0 uint8 [96, 128]",
        "-> out.1 uint8 [48, 64, 2]",
    ]
    assert any(line.startswith("Half") and "model0/conv1 model0/relu1" in line for line in lines)
    assert lines[-1].startswith(f"{plan}, ")
    assert lines[-1].endswith(f", {plan.stat().st_size} bytes")
    assert said.err == ""
    assert [path.name for path in plan.parent.iterdir()] == [plan.name]


def test_nothing_is_overwritten_unasked(run: Run, plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan.write_bytes(b"mine")
    assert run("compile", "fast-x2", "--size", "64x48", "-o", plan) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert plan.read_bytes() == b"mine"
    assert run("compile", "fast-x2", "--size", "64x48", "-o", plan, "-y") == 0
    assert plan.stat().st_size > 10_000


def test_facts_as_json(run: Run, plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = (
        "compile",
        "live-x2",
        "--precision",
        "int8",
        "--pix-fmt",
        "p010",
        "--size",
        "64x48",
        "--json",
        "--report",
    )
    assert run(*command, "-o", plan) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["bytes"] == plan.stat().st_size
    assert facts["inputs"][0] == "plane.0 uint8 [48, 64, 2]"
    assert "Int8" in {tensor["dtype"] for layer in facts["layers"] for tensor in layer["inputs"]}


def test_a_range_of_sizes(run: Run, plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("compile", "live-x2", "--dynamic", "64x48:128x96", "--size", "96x64", "-o", plan) == 0
    assert "plane.1 uint8 [height/2, width/2, 2]" in capsys.readouterr().out.splitlines()
    for options, why in (
        (("--dynamic", "63x48:128x96"), "not a multiple of 2"),
        (("--dynamic", "64x48:128x96", "--size", "200x100"), "not within 64x48 and 128x96"),
        (("--dynamic", "64x48:128x96", "--smooth", "0.5"), "compile it for each"),
    ):
        assert run("compile", "live-x2", *options, "-o", plan, "-y") == 1
        assert why in capsys.readouterr().err


def test_painted_smoothed_and_enlarged(run: Run, plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("compile", "style-live", "fast-x2", "--size", "64x48", "--smooth", "0.85", "-q")
    assert run(*command, "--style", "udnie", "-o", plan) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "state.1 float32 [1, 3, 48, 64]" in lines
    assert not any(line.startswith("style_weights") for line in lines)
    assert run("compile", "fast-x2", "--style", "udnie", "-o", plan, "-y") == 1
    assert "none of these models has styles" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "why"),
    [
        (("--backend", "openvino"), 1, "there are: tensorrt, tensorrt-rtx"),
        (("--precision", "bf16"), 1, "no precision named 'bf16'"),
        (("--precision", "int8", "--size", "64x48"), 1, "does not come in int8"),
        (("--portable",), 2, "--portable means nothing to tensorrt-rtx"),
        (("--timing-cache", "timings"), 2, "--timing-cache means nothing to tensorrt-rtx"),
        (("--backend", "tensorrt", "--capability", "8.9"), 2, "--capability means nothing to tensorrt"),
        (("--capability", "9.0", "--size", "64x48"), 1, "does not build for compute capability 9.0"),
        (("--dynamic", "360p"), 2, "is not a range of sizes"),
        (("--size", "big"), 2, "is not a size"),
    ],
)
def test_errors(
    run: Run, plan: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], code: int, why: str
) -> None:
    assert run("compile", "srcnn-x2", *options, "-o", plan) == code
    said = capsys.readouterr()
    assert why in said.err
    assert said.out == ""
    assert list(plan.parent.iterdir()) == []


def test_ranges() -> None:
    assert parse_range("360p:1080p") == ((640, 360), (1920, 1080))
    assert parse_range("480p:320x180") == ((854, 480), (320, 180))
    for text in ("360p", "p:720p", "360p:", "a:b"):
        with pytest.raises(ConfigError):
            parse_range(text)
