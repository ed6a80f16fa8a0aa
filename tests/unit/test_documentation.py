"""What the documents say of the code is looked up in the code."""

from __future__ import annotations

import inspect
import math
import re
import subprocess
import sys
import tomllib
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import pytest

import streamsr

ROOT = Path(__file__).parents[2]
TRAINING = (ROOT / "docs" / "training.md").read_text("utf-8")
SECTIONS = {
    "GeneratorSection": "### `[generator]`",
    "DataSection": "### `[data]`",
    "OptimSection": "### `[optim]`",
    "LossSection": "### `[loss]`",
    "RunSection": "### `[run]`",
    "PerceptualSection": "| `[perceptual]`",
    "AdversarialSection": "| `[adversarial]`",
    "BalanceConfig": "| `[balance]`",
}


def values(text: str) -> list[Any]:
    """Everything between backticks that is a TOML value."""
    found = []
    for token in re.findall(r"`([^`]*)`", text):
        try:
            found.append(tomllib.loads(f"value = {token}")["value"])
        except tomllib.TOMLDecodeError:
            continue
    return found


def plain(value: Any) -> Any:
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def same(documented: Any, real: Any) -> bool:
    if isinstance(real, float):
        return isinstance(documented, int | float) and math.isclose(documented, real, rel_tol=0.01)
    return bool(documented == plain(real))


def default_of(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


@pytest.mark.torch
@pytest.mark.parametrize("name", SECTIONS)
def test_every_key_of_a_recipe_is_documented_with_its_default(name: str) -> None:
    pytest.importorskip("torch")
    from streamsr.training import recipe

    part = TRAINING[TRAINING.index(SECTIONS[name]) :]
    for field in fields(getattr(recipe, name)):
        row = next((line for line in part.splitlines() if line.startswith("|") and f"`{field.name}`" in line), None)
        assert row is not None, field.name
        default = default_of(field)
        if default is not MISSING:
            assert any(same(value, default) for value in values(row)), f"{field.name} = {default!r}: {row}"


@pytest.mark.torch
def test_every_degradation_is_documented_with_its_fields() -> None:
    pytest.importorskip("torch")
    from streamsr.training.degradations import DEGRADATIONS

    told_in_words = {"chance", "original", "scale", "cutoff"}
    for kind in DEGRADATIONS:
        row = next(line for line in TRAINING.splitlines() if line.startswith(f"| `{kind}` |"))
        for field in fields(DEGRADATIONS.load(kind)):
            if field.name in told_in_words or (kind, field.name) == ("resize_to", "filters"):
                continue
            token = re.search(rf"`{field.name} = ([^`]*)`", row)
            assert token is not None, (kind, field.name)
            assert same(tomllib.loads(f"value = {token[1]}")["value"], field.default), (kind, field.name)


def test_the_default_model_is_the_documented_one() -> None:
    page = (ROOT / "docs" / "models.md").read_text("utf-8")
    default = inspect.signature(streamsr.upscale).parameters["model"].default
    assert f"Without `--model`, `streamsr upscale` takes `{default}`" in page


def test_tables_are_those_of_the_results() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "models_table.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr} run scripts/models_table.py"


@pytest.mark.parametrize("page", sorted([*ROOT.glob("docs/*.md"), ROOT / "README.md"]), ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
