from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import ConfigError  # noqa: E402
from streamsr.training import style, style_gan  # noqa: E402
from streamsr.training.checkpoint import load_checkpoint  # noqa: E402
from streamsr.training.comparisons import Comparisons  # noqa: E402
from streamsr.training.run import STATE_NAME  # noqa: E402
from streamsr.training.style_recipe import StyleRecipe  # noqa: E402
from tests.unit.training.styles import Studio  # noqa: E402

pytestmark = pytest.mark.torch

JUDGE = {"discriminator": "patchgan", "config": {"width": 8, "norm": "instance"}, "loss": "hinge", "weight": 0.1}


LESSONS = {"faint": 0.0, "mixed": 0.0, "warmup": 0.0, "freeze": 0.0, "frozen_rate": 1.0}


@pytest.fixture(scope="module")
def start(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> str:
    recipe = studio.recipe(optim={"steps": 50}, lessons={"warmup": 0.1}, run={"checkpoint_every": 1000})
    return str(style.train(recipe, studio.photos, studio.art, tmp_path_factory.mktemp("start") / "out"))


def recipe(studio: Studio, start: str, **changes: dict) -> StyleRecipe:
    generator = {"config": {"widths": [8, 8, 8], "blocks": 1}, "start": start}
    tables = {"adversarial": JUDGE, "generator": generator, "lessons": LESSONS}
    return studio.recipe(**{**tables, **changes})


def test_both_networks_learn(studio: Studio, start: str, tmp_path: Path) -> None:
    options = recipe(studio, start, optim={"steps": 60, "lr": 3e-3}, run={"checkpoint_every": 1000})
    saved = load_checkpoint(style_gan.train(options, studio.photos, studio.art, tmp_path / "out"))
    assert saved.build().frozen, "the statistics of the start"
    lines = (tmp_path / "out" / "log.jsonl").read_text().splitlines()
    log = [entry for entry in map(json.loads, lines) if "judge" in entry]
    for key in ("style", "judge"):
        early, late = ([entry[key] for entry in part] for part in (log[:15], log[-15:]))
        assert sum(late) < 0.9 * sum(early), key
    assert all(entry["generator_norm"] > 0 and entry["discriminator_norm"] > 0 for entry in log)


def test_it_resumes_bit_for_bit(studio: Studio, start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = recipe(studio, start, optim={"steps": 8})
    style_gan.train(options, studio.photos, studio.art, tmp_path / "whole")
    batch = Comparisons.batch

    def dies(self: Comparisons, step: int, *place: int) -> tuple:
        if step == 7:
            raise OSError("power cut")
        return batch(self, step, *place)

    monkeypatch.setattr(Comparisons, "batch", dies)
    with pytest.raises(OSError, match="power cut"):
        style_gan.train(options, studio.photos, studio.art, tmp_path / "parts")
    monkeypatch.setattr(Comparisons, "batch", batch)
    style_gan.train(options, studio.photos, studio.art, tmp_path / "parts")
    whole, parts = (load_checkpoint(tmp_path / folder / STATE_NAME) for folder in ("whole", "parts"))
    assert {name.split(".")[0] for name in whole.tensors} == {"model", "ema", "judge", "optimizer", "judge_optimizer"}
    for name, tensor in whole.tensors.items():
        assert torch.equal(tensor, parts.tensors[name]), name
    assert whole.facts["notes"] == parts.facts["notes"]


def test_the_label_is_seen_beside_the_colours() -> None:
    label = torch.tensor([[0.0, 1.0], [0.5, 0.5]])
    seen = style_gan.labelled(torch.zeros(2, 3, 4, 5), label)
    assert seen.shape == (2, 5, 4, 5)
    assert torch.equal(seen[:, 3:].mean((2, 3)), label)


def test_what_a_recipe_must_have(studio: Studio, start: str, tmp_path: Path) -> None:
    def fail(message: str, options: StyleRecipe) -> None:
        with pytest.raises(ConfigError, match=message):
            style_gan.train(options, studio.photos, studio.art, tmp_path / "out")

    fail(r"needs a table \[adversarial\], and generator\.start", studio.recipe())
    fail("a batch of 1 is too small", recipe(studio, start, data={"batch": 1}))
    fail("smaller than data.patch", recipe(studio, start, data={"patch": 40}, art={"size": 36}))
    fail("cannot judge patches of 16 pixels", recipe(studio, start, data={"patch": 16}))
