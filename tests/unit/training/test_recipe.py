from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import ConfigError  # noqa: E402
from streamsr.generators import GENERATORS  # noqa: E402
from streamsr.training.adversary import new_judge  # noqa: E402
from streamsr.training.recipe import load_recipe, parse_recipe  # noqa: E402
from streamsr.training.start import new_generator  # noqa: E402

pytestmark = pytest.mark.torch

BUNDLED = Path(load_recipe.__code__.co_filename).parent / "recipes"


def test_the_bundled_recipes_load() -> None:
    recipe = load_recipe(BUNDLED / "live-x2.toml")
    assert recipe.name == "live-x2"
    assert recipe.scale == 2
    assert recipe.generator.config == {"scale": 2, "width": 16, "depth": 8, "centred": True, "skip": True}
    assert recipe.data.include == ("kodak/*", "photos/*")
    assert recipe.optim.betas == (0.9, 0.99)


@pytest.mark.parametrize("path", sorted(BUNDLED.glob("*-x[24]*.toml")), ids=lambda path: path.stem)
def test_every_bundled_recipe_describes_networks_that_exist(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    kind = GENERATORS.load(recipe.generator.name)
    generator = kind(kind.Config(**recipe.generator.config))
    assert generator.scale == recipe.scale
    if recipe.adversarial is not None:
        assert new_judge(recipe, recipe.adversarial, 3, recipe.data.patch * recipe.scale)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"name": "x", "optim": {"learning_rate": 1}}, r"\[?optim.*'learning_rate'.*legal keys: method, steps, lr, "),
        ({"name": "x", "colour": 1}, "'colour'.*legal keys: name, generator, data"),
        ({}, "recipe: 'name' is missing"),
        ({"name": 3}, "name is 3, expected str"),
        ({"name": "x", "data": {"include": "kodak/*"}}, "include is 'kodak/\\*', expected list"),
        ({"name": "x", "data": {"patch": 48.5}}, "patch is 48.5, expected int"),
        ({"name": "x", "run": {"seed": True}}, "seed is True, expected int"),
        ({"name": "x", "run": {"precision": "fp8"}}, "precision is 'fp8', expected one of fp32, bf16"),
        ({"name": "x", "loss": "l1"}, "loss is 'l1', expected a table"),
        ({"name": "x", "loss": {"main": {"l1": "much"}}}, r"main.l1 is 'much', expected float"),
        ({"name": "x", "degrade": [{"kind": "jpeg", "quality": 3}]}, r"degrade\[0\]: quality is 3, expected list"),
        ({"name": "x", "degrade": [{"kind": "jpeg", "crf": 3}]}, r"degrade\[0\]: unknown key 'crf'; legal keys: "),
        ({"name": "x", "adversarial": {"weigth": 1}}, "adversarial: unknown key 'weigth'; legal keys: discriminator, "),
        ({"name": "x", "perceptual": {}}, "perceptual: 'file' is missing"),
        ({"name": "x", "perceptual": {"file": "vgg.npz", "layers": {}}}, "layers = {} is out of its range"),
        ({"name": "x", "balance": {"winning": 2.0}}, r"balance: winning = 2\.0 is out of its range"),
        ({"name": "x", "generator": {"config": {"scale": "2"}}}, "generator: config = {'scale': '2'} is out of"),
        ({"name": "x", "data": {"sizes": [1, -1]}}, "data: sizes = .* is out of its range"),
        ({"name": "x", "data": {"batch": 0}}, "data: batch = 0 is out of its range"),
        ({"name": "x", "optim": {"betas": [0.9]}}, r"optim: betas = \(0\.9,\) is out of its range"),
        ({"name": "x", "optim": {"ema": 2}}, "optim: ema = 2 is out of its range"),
        ({"name": "x", "loss": {"main": {}}}, "loss: main = {} is out of its range"),
        ({"name": "x", "adversarial": {"r1_every": 0}}, "adversarial: r1_every = 0 is out of its range"),
        ({"name": "x", "run": {"log_every": 0}}, "run: log_every = 0 is out of its range"),
        ({"name": "x", "run": {"seed": -1}}, "run: seed = -1 is out of its range"),
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


def test_options_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text('name = "x"\n[optim]\nsteps = 5\n')
    recipe = load_recipe(path, ["optim.steps=7", "generator.start=runs/a b.safetensors", "data.sizes=[1, 0.5]"])
    assert (recipe.optim.steps, recipe.generator.start, recipe.data.sizes) == (7, "runs/a b.safetensors", (1, 0.5))
    for line, message in {
        "optim.steps": "sets nothing",
        "name.first=1": "'name.first=1': name is not a table",
        "optim.stepz=1": "unknown key 'stepz'",
        "optim.steps=many": "steps is 'many', expected int",
    }.items():
        with pytest.raises(ConfigError, match=message):
            load_recipe(path, [line])


def test_degradations_follow_the_scale() -> None:
    recipe = parse_recipe({"name": "x", "generator": {"config": {"scale": 4}}})
    (piece,) = recipe.degradations
    assert piece.scale == 4


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        ({"config": {"scale": 2, "breadth": 1}}, "'ecb': unknown key 'breadth'; legal keys: scale, width"),
        ({"config": {"scale": 2, "activation": "gelu"}}, "'ecb': activation is 'gelu', expected one of relu, prelu"),
        ({"config": {"width": 8}}, "'ecb': its scale is 2 unless you say so"),
        ({"name": "rrdb", "config": {"scale": 3}}, "'rrdb': scale 3 times unshuffle 1 is not a power of two"),
        ({"name": "interpolation", "config": {"scale": 2}}, "'interpolation' has nothing to learn"),
    ],
)
def test_generators_that_cannot_be_built_are_refused(generator: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        new_generator(parse_recipe({"name": "x", "generator": generator}))
