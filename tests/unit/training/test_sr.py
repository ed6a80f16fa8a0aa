from __future__ import annotations

import json
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import ConfigError, ModelError, UnknownNameError  # noqa: E402
from streamsr.generators.ecb import Ecb  # noqa: E402
from streamsr.training import sr  # noqa: E402
from streamsr.training.checkpoint import load_checkpoint  # noqa: E402
from streamsr.training.recipe import Recipe, parse_recipe  # noqa: E402

pytestmark = pytest.mark.torch


def recipe(steps: int = 12, **run: int) -> Recipe:
    return parse_recipe(
        {
            "name": "tiny",
            "generator": {"config": {"scale": 2, "width": 4, "depth": 1}},
            "data": {"patch": 12, "batch": 2, "candidates": 2},
            "optim": {"steps": steps, "lr": 4e-3, "ema": 0.9},
            "loss": {"finish_share": 0.5},
            "run": {"threads": 1, "log_every": 1, "checkpoint_every": 4, "evaluate_every": 6, **run},
        }
    )


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    y, x = np.mgrid[:64, :64]
    for index in range(2):
        waves = 127 + 60 * np.sin(x / (2 + index)) + 60 * np.cos(y / 3 + x / 9)
        cv2.imwrite(str(folder / f"{index}.png"), waves.astype(np.uint8))
    return folder


def log_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_a_resumed_run_ends_with_the_same_bits(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_checkpoint(sr.train(recipe(), images, tmp_path / "whole"))
    batch, out = sr.Patches.batch, tmp_path / "parts"

    def dies_at_seven(self: sr.Patches, step: int) -> tuple:
        if step == 7:
            raise OSError("power cut")
        return batch(self, step)

    monkeypatch.setattr(sr.Patches, "batch", dies_at_seven)
    with pytest.raises(OSError, match="power cut"):
        sr.train(recipe(), images, out)
    assert load_checkpoint(out / sr.STATE_NAME).facts["step"] == 4, "the last whole checkpoint"
    monkeypatch.setattr(sr.Patches, "batch", batch)
    parts = load_checkpoint(sr.train(recipe(), images, out))

    assert whole.facts["step"] == parts.facts["step"] == 12
    for name, tensor in whole.tensors.items():
        assert torch.equal(tensor, parts.tensors[name]), name
    states = [load_checkpoint(folder / sr.STATE_NAME).tensors for folder in (tmp_path / "whole", out)]
    assert states[0].keys() == states[1].keys()
    assert any(name.startswith("optimizer.") for name in states[0])
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name


def test_interrupt_saves_and_stops(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    sr.train(recipe(steps=1_000_000, checkpoint_every=1_000_000, log_every=1000), images, out)
    step = load_checkpoint(out / sr.STATE_NAME).facts["step"]
    assert 0 < step < 1_000_000
    assert load_checkpoint(out / sr.MODEL_NAME).facts["step"] == step


def test_it_learns_and_logs(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sr.train(recipe(steps=120), images, tmp_path / "out", validate=images)
    log = log_of(tmp_path / "out")
    psnr = [entry["psnr"] for entry in log if "psnr" in entry]
    cpu = [entry["cpu"] for entry in log if "cpu" in entry]
    repeated = [(pair.low.repeat(2, 0).repeat(2, 1), pair.high) for pair in sr.load_pairs(sorted(images.iterdir()), 2)]
    assert psnr[-1] > np.mean([sr.psnr(*pair, 2) for pair in repeated]) + 3
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
    (out / sr.STATE_NAME).write_bytes((out / sr.STATE_NAME).read_bytes()[:-10])
    with pytest.raises(ModelError, match=r"state\.safetensors"):
        sr.train(recipe(), images, out)


def test_impossible_recipes(images: Path, tmp_path: Path) -> None:
    good = recipe()
    with pytest.raises(ConfigError, match="unexpected keyword argument 'breadth'"):
        broken = replace(good.generator, config={"scale": 2, "breadth": 3})
        sr.train(replace(good, generator=broken), images, tmp_path / "a")
    with pytest.raises(UnknownNameError, match="charbonnier"):
        sr.train(replace(good, loss=replace(good.loss, main="l3")), images, tmp_path / "b")


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
    batch = sr.Patches(sr.load_pairs(sr.find_images(images, ["*"], []), 2), 2, options.data, 0).batch(0)
    assert torch.equal(seen[0][0], batch[0])
    assert torch.equal(seen[0][1], batch[0].repeat_interleave(2, 2).repeat_interleave(2, 3))
