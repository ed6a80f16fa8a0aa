from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import ConfigError, TrainingError, UnknownNameError  # noqa: E402
from streamsr.training import sr, sr_gan  # noqa: E402
from streamsr.training.checkpoint import load_checkpoint  # noqa: E402
from streamsr.training.data import Patches  # noqa: E402
from streamsr.training.recipe import Recipe, parse_recipe  # noqa: E402
from streamsr.training.run import MODEL_NAME, STATE_NAME  # noqa: E402
from streamsr.training.sr_run import prepare  # noqa: E402
from tests.unit.training.backbone_files import random_arrays  # noqa: E402
from tests.unit.training.runs import tables, write_images  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("gan") / "images")


@pytest.fixture(scope="module")
def start(images: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(sr.train(parse_recipe(tables(optim={"steps": 60})), images, tmp_path_factory.mktemp("start") / "out"))


def recipe(start: str, adversarial: dict[str, Any] | None = None, **changes: dict[str, Any]) -> Recipe:
    section = {"config": {"width": 4}, "weight": 0.02, **(adversarial or {})}
    return parse_recipe(tables(generator={"start": start}, adversarial=section, **changes))


def test_all_parts_together_resume_bit_for_bit(
    images: Path, start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = tmp_path / "vgg.npz"
    np.savez(backbone, **random_arrays("vgg19"))
    section = {"feature_matching": 0.1, "stability": 0.1, "r1": 1.0, "r1_every": 4}
    options = recipe(start, section, perceptual={"file": str(backbone), "layers": {"conv2_2": 0.1}})
    whole = load_checkpoint(sr_gan.train(options, images, tmp_path / "whole"))
    batch = Patches.batch

    def dies_at_seven(self: Patches, step: int, *place: int) -> tuple:
        if step == 7:
            raise OSError("power cut")
        return batch(self, step, *place)

    monkeypatch.setattr(Patches, "batch", dies_at_seven)
    with pytest.raises(OSError, match="power cut"):
        sr_gan.train(options, images, tmp_path / "parts")
    monkeypatch.setattr(Patches, "batch", batch)
    parts = load_checkpoint(sr_gan.train(options, images, tmp_path / "parts"))
    states = [load_checkpoint(tmp_path / folder / STATE_NAME) for folder in ("whole", "parts")]
    assert {name.split(".")[0] for name in states[0].tensors} == {
        "model", "ema", "judge", "optimizer", "judge_optimizer"
    }  # fmt: skip
    for one, other in ((whole, parts), tuple(states)):
        assert one.tensors.keys() == other.tensors.keys()
        for name, tensor in one.tensors.items():
            assert torch.equal(tensor, other.tensors[name]), name
    assert states[0].facts["notes"] == states[1].facts["notes"]


@pytest.mark.parametrize("discriminator", ["unet", "patchgan", "sr_classifier"])
@pytest.mark.parametrize("loss", ["minimax", "nonsaturating", "least_squares", "hinge"])
def test_every_discriminator_and_loss_moves_both_networks(
    images: Path, start: str, tmp_path: Path, discriminator: str, loss: str
) -> None:
    config = {"width": 4, "hidden": 8, "patch": 32} if discriminator == "sr_classifier" else {"width": 4}
    section = {"discriminator": discriminator, "config": config, "loss": loss}
    options = recipe(start, section, data={"patch": 16}, optim={"steps": 3, "clip": 1e9}, run={"log_every": 1})
    sr_gan.train(options, images, tmp_path / "out")
    log = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert all(entry["generator_norm"] > 0 and entry["discriminator_norm"] > 0 for entry in log if "judge" in entry)


def test_a_discriminator_that_is_too_fast_is_caught(images: Path, start: str, tmp_path: Path) -> None:
    """Fifty times the rate of the sane run below; neither has anything else changed."""
    run = {"checkpoint_every": 10_000, "log_every": 50}
    watch = {"window": 20, "patience": 30}
    sane = recipe(start, {"lr": 1e-4}, optim={"steps": 250, "lr": 1e-4}, run=run, balance=watch)
    sr_gan.train(sane, images, tmp_path / "sane")
    assert load_checkpoint(tmp_path / "sane" / MODEL_NAME).facts["step"] == 250
    wild = recipe(start, {"lr": 5e-3}, optim={"steps": 2500, "lr": 1e-4}, run=run, balance=watch)
    with pytest.raises(TrainingError, match="adversarial training is lost after"):
        sr_gan.train(wild, images, tmp_path / "wild")
    log = (tmp_path / "wild" / "log.jsonl").read_text()
    assert "rate is now" in log, "it was tried to be saved"


def test_what_a_recipe_must_have(images: Path, start: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"needs a table \[adversarial\], and generator\.start"):
        sr_gan.train(parse_recipe(tables()), images, tmp_path / "a")
    with pytest.raises(UnknownNameError, match="unet"):
        sr_gan.train(recipe(start, {"discriminator": "judge"}), images, tmp_path / "b")
    with pytest.raises(ConfigError, match=r"discriminator 'unet'.*'breadth'"):
        sr_gan.train(recipe(start, {"config": {"breadth": 1}}), images, tmp_path / "c")
    with pytest.raises(ConfigError, match="a batch of 1 is too small"):
        sr_gan.train(recipe(start, data={"batch": 1}), images, tmp_path / "d")
    with pytest.raises(ConfigError, match="cannot judge patches of 22 pixels"):
        sr_gan.train(recipe(start, {"discriminator": "patchgan"}, data={"patch": 11}), images, tmp_path / "e")


def test_noise_is_drawn_for_seeds_of_any_size(images: Path, tmp_path: Path) -> None:
    """Among them a date. Seed, step and process count; torch itself heeds 32 bits of what it is given."""
    drawn = []
    for seed in (1, 2, 20240101):
        options = parse_recipe(tables(adversarial={"noise": 0.1}, run={"seed": seed}))
        run, _ = prepare(options, images, tmp_path / "out")
        drawn.append(sr_gan.noise(run, torch.zeros(2, 1, 16, 16), 3))
        assert torch.equal(drawn[-1], sr_gan.noise(run, torch.zeros(2, 1, 16, 16), 3))
        assert not torch.equal(drawn[-1], sr_gan.noise(run, torch.zeros(2, 1, 16, 16), 4))
        assert 0.08 < float(drawn[-1].std()) < 0.12
    assert not torch.equal(drawn[0], drawn[1])
