"""`streamsr train cyclegan`, and what becomes of its generators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.graph.model import load_model  # noqa: E402
from streamsr.training.checkpoint import load_checkpoint  # noqa: E402
from tests.integration.conftest import Run  # noqa: E402
from tests.unit.training.cyclegan_runs import write_kinds  # noqa: E402

pytestmark = pytest.mark.torch

RECIPE = """
name = "tiny"
[generator]
config = { width = 4, blocks = 1 }
[judge]
config = { width = 4, norm = "instance" }
pool = 2
[data]
patch = 24
[optim]
steps = 6
freeze = 0.5
[run]
threads = 1
log_every = 2
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_kinds(tmp_path)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_direction_becomes_a_model(run: Run, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "cyclegan", "tiny.toml", "--a", "a", "--b", "b", "--out", "out") == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == ["out/a-to-b.safetensors", "out/b-to-a.safetensors"]
    assert "6/6" in said.err
    saved = [load_checkpoint(Path(path)) for path in said.out.split()]
    assert [each.facts["direction"] for each in saved] == ["a-to-b", "b-to-a"]
    assert any(not np.array_equal(saved[0].tensors[name], saved[1].tensors[name]) for name in saved[0].tensors)
    assert run("export", "out/a-to-b.safetensors", "-o", "blue.onnx", "--no-verify") == 0
    spec = load_model(work / "blue.onnx").spec
    assert (spec.name, spec.task, spec.color, spec.scale) == ("blue", "style", "rgb", 1)
    assert 0 < spec.halo < 100, "frozen: a pixel depends on its surroundings alone"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing", "--a", "a", "--b", "b"], 2, "bundled recipe; those are"),
        (["tiny.toml", "--a", "a", "--b", "gone"], 1, "no images in gone"),
        (["tiny.toml", "--a", "a", "--b", "b", "--set", "loss.cycles=1"], 1, "legal keys: cycle, identity"),
        (["tiny.toml", "--a", "a", "--b", "b", "--set", "data.patch=99"], 1, "no picture of a has 99 pixels"),
    ],
)
def test_clear_errors(
    run: Run, work: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert run("train", "cyclegan", *arguments, "--out", "out") == code
    assert message in capsys.readouterr().err
