"""Training as a user runs it: processes that are killed, and several at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from streamsr.training.checkpoint import load_checkpoint  # noqa: E402
from streamsr.training.run import STATE_NAME  # noqa: E402
from tests.unit.training.runs import write_images  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.timeout(240)]

STREAMSR = str(Path(sys.executable).parent / "streamsr")
RECIPE = """
name = "tiny"
[generator]
config = { scale = 2, width = 4, depth = 1 }
[data]
patch = 12
batch = 4
[optim]
steps = 300
lr = 4e-3
[run]
threads = 1
log_every = 10
checkpoint_every = 20
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    write_images(tmp_path / "images")
    (tmp_path / "tiny.toml").write_text(RECIPE)
    return tmp_path


def command(out: str, *options: str) -> list[str]:
    return [STREAMSR, "train", "sr", "tiny.toml", "--data", "images", "--out", out, *options]


def train(work: Path, out: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(out, *options), cwd=work, capture_output=True, text=True, check=True)


def test_killed_and_resumed_equals_uninterrupted(work: Path) -> None:
    train(work, "whole")
    process = subprocess.Popen(command("parts"), cwd=work, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("50/"):
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL
    process.stderr.close()
    assert 0 < load_checkpoint(work / "parts" / STATE_NAME).facts["step"] < 300
    assert train(work, "parts").stdout.strip() == "parts/model.safetensors"
    whole, parts = (load_checkpoint(work / out / STATE_NAME) for out in ("whole", "parts"))
    assert whole.facts["step"] == parts.facts["step"] == 300
    for name, tensor in whole.tensors.items():
        assert torch.equal(tensor, parts.tensors[name]), name


def test_two_processes_learn_what_one_does(work: Path) -> None:
    """Each takes half of every batch; the mean of their gradients is the gradient of the whole."""
    short = ("--set", "optim.steps=10", "--set", "optim.clip=1e9")
    train(work, "one", *short)
    done = train(work, "two", *short, "--devices", "2")
    assert done.stdout.splitlines() == ["two/model.safetensors"]
    assert "Traceback" not in done.stderr
    assert_alike(work)


def test_two_processes_learn_against_a_discriminator_as_one_does(work: Path) -> None:
    """Both networks, spectral norm, R1 on its schedule."""
    train(work, "start")
    adversarial = (
        "adversarial.config.width=4", "adversarial.r1=1.0", "adversarial.r1_every=2", "adversarial.feature_matching=0.1"
    )  # fmt: skip
    sets = (*adversarial, "generator.start=start/model.safetensors", "optim.steps=10", "optim.clip=1e9")
    options = [word for each in sets for word in ("--set", each)]
    train(work, "one", *options)
    done = train(work, "two", *options, "--devices", "2")
    assert "Traceback" not in done.stderr
    assert_alike(work)


def assert_alike(work: Path) -> None:
    one, two = (load_checkpoint(work / out / STATE_NAME) for out in ("one", "two"))
    assert one.facts["step"] == two.facts["step"] == 10
    for name, tensor in one.tensors.items():
        difference = (two.tensors[name] - tensor).abs().max()
        assert difference <= 1e-4 + 1e-3 * tensor.abs().max(), name


def test_two_processes_stop_together(work: Path) -> None:
    process = subprocess.Popen(
        command("out", "--devices", "2", "--set", "optim.steps=1_000_000"),
        cwd=work, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    state = work / "out" / STATE_NAME
    while not state.exists():
        assert process.poll() is None
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert load_checkpoint(state).facts["step"] % 10 == 0


def test_clear_errors(work: Path) -> None:
    def fail(*words: str) -> str:
        done = subprocess.run([STREAMSR, "train", "sr", *words], cwd=work, capture_output=True, text=True, check=False)
        assert done.returncode in (1, 2)
        return done.stderr

    assert "bundled recipe; those are" in fail("nothing", "--data", "images", "--out", "a")
    assert "no images in" in fail("tiny.toml", "--data", "a", "--out", "a")
    assert "legal keys" in fail("tiny.toml", "--data", "images", "--out", "a", "--set", "optim.stepz=1")
    assert "does not divide" in fail("tiny.toml", "--data", "images", "--out", "a", "--devices", "3")
