from __future__ import annotations

from pathlib import Path

import pytest

from streamsr.errors import ConfigError
from streamsr.training.recipe import load_recipe, parse_recipe

BUNDLED = Path(load_recipe.__code__.co_filename).parent / "recipes"


def test_the_bundled_recipes_load() -> None:
    recipe = load_recipe(BUNDLED / "live-x2.toml")
    assert recipe.name == "live-x2"
    assert recipe.scale == 2
    assert recipe.generator.config == {"scale": 2, "width": 16, "depth": 8}
    assert recipe.data.include == ("kodak/*", "photos/*")
    assert recipe.optim.betas == (0.9, 0.99)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"name": "x", "optim": {"learning_rate": 1}}, r"\[?optim.*'learning_rate'.*legal keys: steps, lr, "),
        ({"name": "x", "colour": 1}, "'colour'.*legal keys: name, generator, data"),
        ({}, "name"),
        ({"name": 3}, "name is 3, expected str"),
        ({"name": "x", "data": {"include": "kodak/*"}}, "include is 'kodak/\\*', expected list"),
        ({"name": "x", "data": {"patch": 48.5}}, "patch is 48.5, expected int"),
        ({"name": "x", "run": {"seed": True}}, "seed is True, expected int"),
        ({"name": "x", "run": {"precision": "fp8"}}, "precision is 'fp8', expected one of fp32, bf16"),
        ({"name": "x", "loss": "l1"}, "loss is 'l1', expected a table"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_way_out(raw: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_recipe(raw)


def test_files_that_are_not_recipes(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    with pytest.raises(ConfigError, match=r"broken\.toml is not TOML"):
        load_recipe(broken)
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read"):
        load_recipe(tmp_path / "none.toml")
