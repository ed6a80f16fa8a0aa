from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from streamsr.cli.train import recipe_path
from streamsr.errors import ConfigError
from streamsr.training.cyclegan_recipe import load_cyclegan_recipe, parse_cyclegan_recipe
from tests.unit.training.cyclegan_runs import tables

pytestmark = pytest.mark.torch


def test_the_paper_is_the_default() -> None:
    recipe = parse_cyclegan_recipe({"name": "paper"})
    assert recipe.generator.name == "resnet_cyclegan"
    assert (recipe.judge.discriminator, recipe.judge.loss, recipe.judge.pool) == ("patchgan", "least_squares", 50)
    assert recipe.judge.config == {"norm": "instance"}
    assert (recipe.loss.cycle, recipe.loss.identity) == (10, 5)
    assert (recipe.optim.lr, recipe.judge.lr, recipe.optim.betas) == (2e-4, 2e-4, (0.5, 0.999))
    assert (recipe.data.patch, recipe.data.batch, recipe.a.heights) == (256, 1, (286,))


def test_the_rate_is_constant_then_falls_linearly() -> None:
    optim = parse_cyclegan_recipe({"name": "paper", "optim": {"steps": 200}}).optim
    assert [optim.factor_at(step) for step in (0, 50, 99, 100, 101)] == [1, 1, 1, 1, 0.99]
    assert [optim.factor_at(step) for step in (150, 199)] == pytest.approx([0.5, 0.01])


@pytest.mark.parametrize(
    ("optim", "expected"),
    [
        ({"hold": 1.0}, {0: 1, 50: 1, 99: 1}),
        ({"hold": 0.0}, {0: 1, 50: 0.5, 99: 0.01}),
        ({"lr_end": 1e-4}, {0: 1, 75: 0.75, 99: 0.51}),
        ({"warmup": 0.1}, {0: 0.1, 4: 0.5, 9: 1, 50: 1}),
    ],
)
def test_other_paces(optim: dict, expected: dict) -> None:
    pace = parse_cyclegan_recipe({"name": "mine", "optim": {"steps": 100, **optim}}).optim
    assert {step: pace.factor_at(step) for step in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": {"perceptual": 1}}, "loss: unknown key 'perceptual'; legal keys: cycle, identity"),
        ({"loss": {"cycle": -1.0}}, r"cycle = -1\.0 is out of its range"),
        ({"data": {"patch": 0}}, "patch = 0 is out of its range"),
        ({"a": {"heights": []}}, "heights"),
        ({"judge": {"pool": -1}}, "pool = -1"),
        ({"optim": {"hold": 1.5}}, r"hold = 1\.5"),
        ({"optim": {"freeze": 0.0}}, r"freeze = 0\.0"),
        ({"optim": {"steps": 0}}, "steps = 0"),
    ],
)
def test_impossible_values(changes: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_cyclegan_recipe(tables(**changes))


def test_tables_must_be_tables() -> None:
    with pytest.raises(ConfigError, match="generator is 3, expected a table"):
        parse_cyclegan_recipe({"name": "x", "generator": 3})


def test_the_bundled_recipe_and_overrides(tmp_path: Path) -> None:
    path = recipe_path("photo2painting")
    recipe = load_cyclegan_recipe(path, ["optim.steps=7", "judge.config.width=8", "a.include=['*.png']"])
    assert (recipe.name, recipe.optim.steps, recipe.judge.config["width"]) == ("photo2painting", 7, 8)
    assert recipe.a.include == ("*.png",)
    assert load_cyclegan_recipe(path).optim.freeze_at == 2240
