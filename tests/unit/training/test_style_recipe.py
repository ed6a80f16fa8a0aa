from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import ConfigError  # noqa: E402
from streamsr.generators.style import StyleConfig  # noqa: E402
from streamsr.training.style_recipe import SteadySection, load_style_recipe, parse_style_recipe  # noqa: E402
from tests.unit.training.styles import Studio  # noqa: E402

pytestmark = pytest.mark.torch

BUNDLED = sorted((Path(__file__).parents[3] / "streamsr" / "training" / "recipes").glob("style-*.toml"))
LEAST = {"name": "least", "perceptual": {"file": "vgg.npz"}, "art": {"files": {"a": "a.png", "b": "b.png"}}}


def test_the_networks_styles_are_the_artworks() -> None:
    recipe = parse_style_recipe(LEAST)
    assert recipe.generator.name == "style"
    assert recipe.generator.config == {"styles": ["a", "b"]}
    with pytest.raises(ConfigError, match=r"the styles of generator\.config are those of art\.files"):
        parse_style_recipe({**LEAST, "generator": {"config": {"styles": ["c"]}}})


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_bundled_recipes(path: Path) -> None:
    recipe = load_style_recipe(path, ["optim.steps=100"])
    assert recipe.name == path.stem
    config = StyleConfig(**recipe.generator.config)
    assert len(config.styles) >= 8
    assert not any("mosaic" in file for file in recipe.art.files.values())
    assert recipe.freeze_at < recipe.optim.steps == 100


def test_the_yardstick_differs_by_its_steadiness_alone() -> None:
    live, plain = (
        load_style_recipe(BUNDLED[0].with_name(f"{name}.toml")) for name in ("style-live", "style-live-plain")
    )
    assert live.steady.weight > 0
    assert plain.steady.weight == 0
    for part in ("art", "generator", "data", "loss", "lessons", "optim", "run"):
        assert getattr(live, part) == getattr(plain, part), part


def test_ramps() -> None:
    steady = SteadySection(weight=8.0, start=0.25, end=0.75)
    assert [steady.weight_at(progress) for progress in (0, 0.2, 0.25, 0.5, 0.75, 1)] == [0, 0, 0, 4, 8, 8]
    assert SteadySection(weight=8.0, start=0.0, end=0.0).weight_at(0) == 8
    recipe = parse_style_recipe({**LEAST, "optim": {"steps": 100}, "lessons": {"warmup": 0.1, "freeze": 0.6}})
    assert [recipe.style_share(step) for step in (0, 4, 9, 50)] == [0.1, 0.5, 1, 1]
    assert recipe.freeze_at == 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": {"patch": 36}}, "patch = 36 is out of its range"),
        ({"art": {"files": {}}}, "files = {} is out of its range"),
        ({"art": {"files": {"a": "a.png"}, "strokes": {"b": 1.0}}}, "strokes"),
        ({"steady": {"start": 0.5, "end": 0.4}}, "end = 0.4"),
        ({"lessons": {"plain": 0.0}}, "plain = 0.0"),
        ({"loss": {"style_layers": {}}}, "style_layers"),
        ({"loss": {"layers": {}}}, "unknown key 'layers'; legal keys: content"),
        ({"steady": {"movement": {"spin": 1.0}}}, "movement: unknown key 'spin'; legal keys: shift"),
        ({"perceptual": {}}, "perceptual: 'file' is missing"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_style_recipe({**LEAST, **change})


def test_a_style_recipe_is_no_other(studio: Studio) -> None:
    with pytest.raises(ConfigError, match=r"'perceptual' is missing"):
        load_style_recipe(BUNDLED[0].with_name("live-x2.toml"))
