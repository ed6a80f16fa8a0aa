from __future__ import annotations

import json
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import ConfigError, ModelError, UnknownNameError  # noqa: E402
from streamsr.generators.ecb import Ecb  # noqa: E402
from streamsr.training import sr  # noqa: E402
from streamsr.training.checkpoint import load_checkpoint  # noqa: E402
from streamsr.training.data import Patches  # noqa: E402
from streamsr.training.images import find_images  # noqa: E402
from streamsr.training.metrics import psnr as psnr_of  # noqa: E402
from streamsr.training.pairs import load_pairs  # noqa: E402
from streamsr.training.recipe import Recipe, parse_recipe  # noqa: E402
from streamsr.training.run import MODEL_NAME, STATE_NAME  # noqa: E402
from streamsr.training.sr_run import prepare  # noqa: E402
from streamsr.training.start import new_generator  # noqa: E402
from tests.unit.training.runs import tables, write_images  # noqa: E402

pytestmark = pytest.mark.torch


def recipe(steps: int = 12, **run: int) -> Recipe:
    return parse_recipe(tables(optim={"steps": steps}, run=run))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images")


def log_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_a_resumed_run_ends_with_the_same_bits(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_checkpoint(sr.train(recipe(), images, tmp_path / "whole"))
    batch, out = Patches.batch, tmp_path / "parts"

    def dies_at_seven(self: Patches, step: int, *place: int) -> tuple:
        if step == 7:
            raise OSError("power cut")
        return batch(self, step, *place)

    monkeypatch.setattr(Patches, "batch", dies_at_seven)
    with pytest.raises(OSError, match="power cut"):
        sr.train(recipe(), images, out)
    assert load_checkpoint(out / STATE_NAME).facts["step"] == 4, "the last whole checkpoint"
    monkeypatch.setattr(Patches, "batch", batch)
    parts = load_checkpoint(sr.train(recipe(), images, out))

    assert whole.facts["step"] == parts.facts["step"] == 12
    for name, tensor in whole.tensors.items():
        assert torch.equal(tensor, parts.tensors[name]), name
    states = [load_checkpoint(folder / STATE_NAME).tensors for folder in (tmp_path / "whole", out)]
    assert states[0].keys() == states[1].keys()
    assert any(name.startswith("optimizer.") for name in states[0])
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name


def test_interrupt_saves_and_stops(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    sr.train(recipe(steps=1_000_000, checkpoint_every=1_000_000, log_every=1000), images, out)
    step = load_checkpoint(out / STATE_NAME).facts["step"]
    assert 0 < step < 1_000_000
    assert load_checkpoint(out / MODEL_NAME).facts["step"] == step


def test_it_learns_and_logs(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sr.train(recipe(steps=120), images, tmp_path / "out", validate=images)
    log = log_of(tmp_path / "out")
    psnr = [entry["psnr"] for entry in log if "psnr" in entry]
    cpu = [entry["cpu"] for entry in log if "cpu" in entry]
    pairs = load_pairs(sorted(images.iterdir()), recipe(), "luma", tmp_path / "cache")
    repeated = [(pair.low.repeat(2, 0).repeat(2, 1)[..., 0], pair.high[..., 0]) for pair in pairs]
    assert psnr[-1] > np.mean([psnr_of(*pair, 2) for pair in repeated]) + 3
    assert cpu == sorted(cpu)
    captured = capsys.readouterr()
    assert "120/120" in captured.err
    assert "ETA" in captured.err
    assert captured.out == ""


def test_a_folder_belongs_to_its_recipe(images: Path, tmp_path: Path) -> None:
    sr.train(recipe(), images, tmp_path / "out")
    with pytest.raises(ConfigError, match="another recipe"):
        sr.train(recipe(steps=13), images, tmp_path / "out")


def test_a_damaged_state_is_an_error_not_a_fresh_start(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sr.train(recipe(), images, out)
    (out / STATE_NAME).write_bytes((out / STATE_NAME).read_bytes()[:-10])
    with pytest.raises(ModelError, match=r"state\.safetensors"):
        sr.train(recipe(), images, out)


def test_impossible_recipes(images: Path, tmp_path: Path) -> None:
    good = recipe()
    with pytest.raises(ConfigError, match="unknown key 'breadth'; legal keys: scale"):
        broken = replace(good.generator, config={"scale": 2, "breadth": 3})
        sr.train(replace(good, generator=broken), images, tmp_path / "a")
    with pytest.raises(UnknownNameError, match="charbonnier"):
        sr.train(replace(good, loss=replace(good.loss, main={"l3": 1.0})), images, tmp_path / "b")


def test_bf16_rounds_neither_the_picture_nor_the_sum(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its last convolution silenced the network returns its input, bit for bit."""
    forward, seen = Ecb.forward, []

    def silent(self: Ecb, x: torch.Tensor) -> torch.Tensor:
        tail = self.blocks[-1]
        with torch.no_grad():
            for parameter in tail.parameters():
                parameter.zero_()
        result = forward(self, x)
        seen.append((x, result))
        return result

    monkeypatch.setattr(Ecb, "forward", silent)
    options = replace(recipe(steps=2), run=replace(recipe().run, precision="bf16"))
    sr.train(options, images, tmp_path / "out")
    pairs = load_pairs(find_images(images, ["*"]), options, "luma", tmp_path / "cache")
    batch = Patches(pairs, 2, options.data, 0).batch(0)
    assert torch.equal(seen[0][0], batch[0])
    assert torch.equal(seen[0][1], batch[0].repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_a_start_gives_what_fits(images: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = sr.train(recipe(), images, tmp_path / "first")
    trained = load_checkpoint(first).tensors
    larger = parse_recipe(tables(generator={"config": {"scale": 4, "width": 4, "depth": 1}, "start": str(first)}))
    started = new_generator(larger).state_dict()
    assert torch.equal(started["blocks.1.plain"], trained["blocks.1.plain"])
    assert started["blocks.2.plain"].shape[0] == 16
    assert "blocks.2.plain" in caplog.text
    assert "blocks.1.plain" not in caplog.text
    with pytest.raises(ConfigError, match="neither a checkpoint file nor a bundled one"):
        new_generator(replace(larger, generator=replace(larger.generator, start="nothing-x2")))


def test_rgb_generators_train_too(images: Path, tmp_path: Path) -> None:
    config = {"scale": 2, "width": 8, "depth": 2}
    small = parse_recipe(tables(generator={"name": "span", "config": config}, optim={"method": "muon", "steps": 4}))
    saved = load_checkpoint(sr.train(small, images, tmp_path / "out", validate=images))
    assert saved.generator == "span"
    assert saved.build()(torch.rand(1, 3, 8, 8)).shape == (1, 3, 16, 16)


def test_pictures_to_judge_by_are_taken_once_and_as_they_are(images: Path, tmp_path: Path) -> None:
    several = parse_recipe(tables(data={"sizes": [1, 0.5], "variants": 2}))
    run, _ = prepare(several, images, tmp_path / "out", validate=images)
    assert [pair.high.shape for pair in run.held_out] == [(64, 64, 1)] * 2
