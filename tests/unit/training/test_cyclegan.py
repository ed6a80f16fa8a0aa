from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import ConfigError, TrainingError, UnknownNameError  # noqa: E402
from streamsr.training.checkpoint import load_checkpoint  # noqa: E402
from streamsr.training.court import Court  # noqa: E402
from streamsr.training.cyclegan import train  # noqa: E402
from streamsr.training.cyclegan_recipe import CycleGanRecipe, parse_cyclegan_recipe  # noqa: E402
from streamsr.training.cyclegan_run import new_translators, prepare  # noqa: E402
from streamsr.training.run import STATE_NAME  # noqa: E402
from streamsr.training.unpaired import Unpaired  # noqa: E402
from tests.unit.training.cyclegan_runs import tables, write_kinds  # noqa: E402

pytestmark = pytest.mark.torch

Kinds = tuple[Path, Path]


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Kinds:
    return write_kinds(tmp_path_factory.mktemp("kinds"))


def recipe(**changes: dict[str, Any]) -> CycleGanRecipe:
    return parse_cyclegan_recipe(tables(**changes))


def log_of(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_what_it_should_lower_falls(kinds: Kinds, tmp_path: Path) -> None:
    options = recipe(optim={"steps": 45, "hold": 0.8}, run={"checkpoint_every": 1000, "evaluate_every": 1000})
    train(options, *kinds, tmp_path / "out")
    log = log_of(tmp_path / "out")
    for name in ("loss", "cycle", "identity", "judge"):
        before, after = (np.mean([entry[name] for entry in part]) for part in (log[:6], log[-6:]))
        assert after < 0.8 * before, name


def test_the_discriminators_learn_and_tell_the_generators(kinds: Kinds, tmp_path: Path) -> None:
    """Each is shown pictures of the other kind as the made ones: then those no longer pass, and its own do."""
    options = recipe(data={"batch": 4})
    run, _ = prepare(options, *kinds, tmp_path / "out")
    court = Court(run, options)
    court.launch()
    a, b = run.patches.batch(0)
    losses = [court.learn((a, b), (b, a), step).item() for step in range(25)]
    assert losses[-1] < losses[0] / 3
    with torch.no_grad():
        assert court.lesson(b, a) > 4 * court.lesson(a, b)


@pytest.mark.parametrize("freeze", [1.0, 0.5])
def test_a_resumed_run_ends_with_the_same_bits(
    kinds: Kinds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, freeze: float
) -> None:
    options = recipe(optim={"freeze": freeze})
    whole = train(options, *kinds, tmp_path / "whole")
    batch = Unpaired.batch

    def dies_at_nine(self: Unpaired, step: int, *place: int) -> tuple:
        if step == 9:
            raise OSError("power cut")
        return batch(self, step, *place)

    monkeypatch.setattr(Unpaired, "batch", dies_at_nine)
    with pytest.raises(OSError, match="power cut"):
        train(options, *kinds, tmp_path / "parts")
    assert load_checkpoint(tmp_path / "parts" / STATE_NAME).facts["step"] == 8
    monkeypatch.setattr(Unpaired, "batch", batch)
    parts = train(options, *kinds, tmp_path / "parts")

    states = tmp_path / "whole" / STATE_NAME, tmp_path / "parts" / STATE_NAME
    for pair in (*zip(whole, parts, strict=True), states):
        one, other = (load_checkpoint(path) for path in pair)
        assert one.facts["step"] == other.facts["step"] == 12
        assert one.tensors.keys() == other.tensors.keys()
        for name, tensor in one.tensors.items():
            assert torch.equal(tensor, other.tensors[name]), name
    tensors = load_checkpoint(states[0]).tensors
    assert {name.split(".")[0] for name in tensors} == {
        "model", "ema", "judges", "pools", "optimizer", "judges_optimizer"
    }  # fmt: skip
    assert int(tensors["pools.a.count"]) == int(tensors["pools.b.count"]) == 3
    assert all(load_checkpoint(path).build().frozen == (freeze < 1) for path in whole)


def test_interrupt_saves_and_stops(kinds: Kinds, tmp_path: Path) -> None:
    options = recipe(optim={"steps": 1_000_000}, run={"log_every": 1000, "checkpoint_every": 1_000_000})
    threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    for path in train(options, *kinds, tmp_path / "out"):
        assert 0 < load_checkpoint(path).facts["step"] < 1_000_000


def test_statistics_are_those_of_the_pictures_a_generator_is_for(kinds: Kinds) -> None:
    model = new_translators(recipe())
    a, b = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32) / 4
    made = model.train()(a, b)
    assert [picture.shape for picture in made] == [(2, 3, 32, 32)] * 6
    assert model.training
    norm = model.there.trunk.first.norm
    assert norm.seen.tolist() == [2]
    seen = model.there.trunk.first.conv(a).mean((0, 2, 3))
    assert torch.allclose(norm.mean[0], seen, atol=1e-5)
    fake_b, fake_a, back_a, back_b, same_a, same_b = made
    assert torch.allclose(back_a, model.back(fake_b), atol=1e-5)
    assert torch.allclose(back_b, model.there(fake_a), atol=1e-5)
    assert torch.allclose(same_a, model.back(a), atol=1e-5)
    assert torch.allclose(same_b, model.there(b), atol=1e-5)


def test_the_directions_start_apart_and_depend_on_the_seed() -> None:
    first, again, other = (new_translators(recipe(run={"seed": seed})) for seed in (6, 6, 8))
    weights = [model.there.trunk.first.conv.weight for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], first.back.trunk.first.conv.weight)


def test_the_generators_lesson_leaves_the_discriminators_alone(kinds: Kinds, tmp_path: Path) -> None:
    options = recipe()
    run, _ = prepare(options, *kinds, tmp_path / "out")
    court = Court(run, options)
    fakes = [torch.rand(2, 3, 24, 24, requires_grad=True) for _ in range(2)]
    lesson = court.lesson(*fakes)
    logits = [court.judges[kind](fake) for kind, fake in zip("ab", fakes, strict=True)]
    assert lesson.item() == pytest.approx(
        sum((each.detach() - 1).square().mean().item() / 2 for each in logits), rel=1e-5
    )
    lesson.backward()
    assert all(fake.grad is not None and fake.grad.abs().sum() > 0 for fake in fakes)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in court.judges.parameters())


def test_what_cannot_be_trained(kinds: Kinds, tmp_path: Path) -> None:
    a, b = kinds
    with pytest.raises(ConfigError, match="no images in"):
        train(recipe(), a, tmp_path, tmp_path / "0")
    with pytest.raises(ConfigError, match="no picture of a has 48 pixels"):
        train(recipe(data={"patch": 48}), a, b, tmp_path / "1")
    with pytest.raises(ConfigError, match="cannot judge patches of 16 pixels"):
        train(recipe(data={"patch": 16}), a, b, tmp_path / "2")
    with pytest.raises(ConfigError, match="does not make an RGB picture of another one as large"):
        train(recipe(generator={"name": "ecb", "config": {"scale": 2, "width": 4, "depth": 1}}), a, b, tmp_path / "3")
    with pytest.raises(ConfigError, match="has no statistics to freeze"):
        config = {"scale": 1, "width": 4, "depth": 1, "color": "rgb"}
        train(recipe(generator={"name": "rrdb", "config": config}, optim={"freeze": 0.5}), a, b, tmp_path / "4")
    with pytest.raises(UnknownNameError, match="least_squares"):
        train(recipe(judge={"loss": "least_square"}), a, b, tmp_path / "5")
    with pytest.raises(TrainingError, match="gradient of step"):
        train(recipe(optim={"lr": 1e30}), a, b, tmp_path / "6")
    train(recipe(), a, b, tmp_path / "7")
    with pytest.raises(ConfigError, match="another recipe"):
        train(recipe(optim={"steps": 13}), a, b, tmp_path / "7")
