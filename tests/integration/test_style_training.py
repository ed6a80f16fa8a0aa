"""`streamsr train style` and `style-gan` as a user runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from streamsr.training.checkpoint import load_checkpoint  # noqa: E402
from streamsr.training.run import MODEL_NAME  # noqa: E402
from tests.unit.training.backbone_files import picture  # noqa: E402
from tests.unit.training.styles import Studio  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.timeout(240)]

STREAMSR = str(Path(sys.executable).parent / "streamsr")
RECIPE = """
name = "tiny"
[generator]
config = { widths = [8, 8, 8], blocks = 1 }
[perceptual]
file = "vgg.npz"
[art]
size = 64
files = { waves = "waves.png", blots = "blots.png" }
[data]
heights = [64]
patch = 32
batch = 2
[loss]
content_layers = { relu1_1 = 1.0 }
style_layers = { relu1_1 = 1.0, "relu1_1@2" = 1.0 }
[steady]
weight = 10.0
[optim]
steps = 8
lr = 1e-3
clip = 1e9
[run]
threads = 1
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    Studio.build(folder)
    (folder / "tiny.toml").write_text(RECIPE)
    return folder


def train(work: Path, what: str, out: str, *options: str) -> subprocess.CompletedProcess[str]:
    words = [STREAMSR, "train", what, "tiny.toml", "--data", "photos", "--art", "art", "--out", out, *options]
    return subprocess.run(words, cwd=work, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def one(work: Path) -> Path:
    """What one process has learned."""
    assert train(work, "style", "one").stdout.splitlines() == ["one/model.safetensors"]
    return work / "one" / MODEL_NAME


def test_two_processes_learn_what_one_does(work: Path, one: Path) -> None:
    """Through both phases: what is frozen is measured alike in each.

    The paintings are compared, not the weights: some of these make no difference (a shift before a normalization).
    """
    done = train(work, "style", "two", "--devices", "2")
    assert done.stdout.splitlines() == ["two/model.safetensors"], done.stderr
    both = [load_checkpoint(path) for path in (one, work / "two" / MODEL_NAME)]
    assert [each.facts["step"] for each in both] == [8, 8]
    with torch.no_grad():
        for row in torch.eye(2):
            ours, theirs = (each.build()(picture(32, 48), row[None]) for each in both)
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_a_discriminator_takes_over_from_there(work: Path, one: Path) -> None:
    judge = ("adversarial.discriminator=patchgan", "adversarial.config={width=4, norm='instance'}")
    phase = (f"generator.start={one}", "lessons.freeze=0.0", "optim.steps=3")
    options = [word for each in (*judge, *phase) for word in ("--set", each)]
    assert train(work, "style-gan", "judged", *options).stdout.splitlines() == ["judged/model.safetensors"]
    assert load_checkpoint(work / "judged" / MODEL_NAME).build().frozen


def test_clear_errors(work: Path) -> None:
    done = train(work, "style", "a", "--set", "art.files.dots=dots.png")
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no artwork art/dots.png for style 'dots'")
