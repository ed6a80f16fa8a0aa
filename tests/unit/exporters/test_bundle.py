from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from exporters import baselines, bundle
from exporters.manifest import note_model
from exporters.onnx import read_checkpoint, to_onnx
from streamsr.errors import ConfigError
from streamsr.graph.model import load_model
from streamsr.spec import ModelSpec
from streamsr.zoo.artworks import artworks
from streamsr.zoo.catalog import HOME, names, resolve, sha256_of
from tests.stylizers import stylizer

ABOUT = bundle.About("a summary", "a group", "a description", "Apache-2.0", "two photographs")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "zoo/models").mkdir(parents=True)
    return tmp_path / "zoo"


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, Path]:
    folder = tmp_path / "eval/Tiny/HR"
    folder.mkdir(parents=True)
    for index in range(2):
        image = np.random.default_rng(index).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), cv2.GaussianBlur(image, (0, 0), 2))
    return bundle.benchmark_sets(tmp_path / "eval")


def table(home: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((home / "manifest.toml").read_text("utf-8"))[name]
    return found


@pytest.mark.torch
def test_a_model_and_its_int8_variant(checkpoint: Path, home: Path, sets: dict[str, Path]) -> None:
    generator, spec = read_checkpoint(checkpoint)
    about = bundle.About(**{key: getattr(ABOUT, key) for key in ABOUT.__slots__} | {"int8": True})
    images = sorted(sets["tiny"].glob("HR/*.png"))
    metrics = bundle.make_model(generator, spec, about, sets, images, home)
    assert metrics.keys() == {"fp32", "int8"}
    files = table(home, "tiny")["files"]
    for precision, name in {"fp32": "tiny", "int8": "tiny.int8"}.items():
        path = home / files[precision]["path"]
        assert (path, sha256_of(path)) == (home / f"models/{name}.onnx", files[precision]["sha256"])
        made = load_model(path).spec
        assert made.metrics == metrics[precision]
        assert set(made.metrics) == {"tiny_psnr", "tiny_ssim"}
        assert (made.name, made.licence, made.training_data) == (name, "Apache-2.0", "two photographs")
        assert made.checkpoint_sha256 == sha256_of(checkpoint)
    assert metrics["int8"]["tiny_psnr"] == pytest.approx(metrics["fp32"]["tiny_psnr"], abs=0.5)
    facts = {key: value for key, value in table(home, "tiny").items() if key != "files"}
    weights = (1 * 8 + 8 * 8 * 2 + 8 * 4) * 9 + 8 * 3 + 4
    assert facts == {
        "group": "a group", "task": "sr", "summary": "a summary", "scale": 2, "color": "luma", "weights": weights,
        "licence": "Apache-2.0", "card": "models/tiny.md",
    }  # fmt: skip


@pytest.mark.torch
def test_the_card_tells_what_the_files_know(home: Path, sets: dict[str, Path]) -> None:
    from streamsr.training.checkpoint import load_checkpoint, save_checkpoint

    (home / "checkpoints").mkdir()
    (home / "checkpoints/credits.md").write_text("Two photographs of mine.\n")
    saved = load_checkpoint(HOME / "checkpoints/live-x2.safetensors")
    facts = saved.facts | {"step": 1234567, "cpu_seconds": 600.0}
    facts["recipe"] = facts["recipe"] | {"name": "tiny", "generator": {"start": "older"}}
    save_checkpoint(home / "checkpoints/tiny.safetensors", replace(saved, facts=facts))
    generator, spec = read_checkpoint(home / "checkpoints/tiny.safetensors")
    about = replace(ABOUT, limits=("not for cats", "not for dogs"), notes="It rained.")
    metrics = bundle.make_model(generator, spec, about, sets, home=home)
    bundle.write_card("tiny", about, metrics, home)
    card = (home / "models/tiny.md").read_text()
    psnr, ssim = (metrics["fp32"][f"tiny_{name}"] for name in ("psnr", "ssim"))
    for words in (
        "# tiny\n\na description\n",
        f"| **tiny** | {psnr:.2f} / {ssim:.4f} |",
        "1 234 567 steps, from the weights of `older`; 10 minutes of CPU time",
        "It rained.",
        "## Training data\n\nTwo photographs of mine.\n",
        "- not for cats\n- not for dogs\n",
    ):
        assert words in card


@pytest.mark.torch
def test_an_rgb_model_without_int8(home: Path, sets: dict[str, Path]) -> None:
    import torch

    from streamsr.generators.span import Span, SpanConfig

    torch.manual_seed(0)
    generator = Span(SpanConfig(width=8, depth=1)).eval()
    bundle.make_model(generator, ModelSpec("wide-x2"), ABOUT, sets, home=home)
    assert [path.name for path in (home / "models").iterdir()] == ["wide-x2.onnx"]
    assert table(home, "wide-x2")["color"] == "rgb"
    with pytest.raises(ConfigError, match="wide-x2 is to have an int8 variant: name the training images"):
        about = bundle.About("", "", "", "", "", int8=True)
        bundle.make_model(generator, ModelSpec("wide-x2"), about, sets, home=home)


@pytest.mark.torch
def test_a_stylizer_is_compared_with_itself_in_float(home: Path, sets: dict[str, Path]) -> None:
    from streamsr.training.checkpoint import Checkpoint, save_checkpoint

    styles = tuple(artworks())[:2]
    generator = stylizer(styles)
    (home / "checkpoints").mkdir()
    (home / "checkpoints/credits.md").write_text("Two photographs of mine.\n")
    facts = {"recipe": {"name": "tiny", "generator": {"start": ""}}, "step": 7, "cpu_seconds": 60.0}
    config = {"styles": list(styles), "widths": [8, 8, 8], "blocks": 1}
    save_checkpoint(home / "checkpoints/tiny.safetensors", Checkpoint(generator.state_dict(), "style", config, facts))
    about = replace(ABOUT, int8=True, limits=("not for cats",))
    images = sorted(sets["tiny"].glob("HR/*.png"))
    metrics = bundle.make_model(*read_checkpoint(home / "checkpoints/tiny.safetensors"), about, sets, images, home)
    assert metrics["fp32"] == {}
    assert set(metrics["int8"]) == {f"tiny_{style}_psnr" for style in styles}
    assert 30 < min(metrics["int8"].values()) < 70
    assert table(home, "tiny")["weights"] == sum(parameter.numel() for parameter in generator.parameters())
    bundle.write_card("tiny", about, metrics, home)
    card = (home / "models/tiny.md").read_text()
    for words in (
        "| Controls | `style_weights` `(1, 2)`, `strength` `(1, 1)` |",
        "| `great_wave` | Katsushika Hokusai, The Great Wave off Kanagawa (c. 1831) | public domain (d. 1849) |",
        "tiny.int8 against tiny, PSNR in dB:\n\n| | Tiny |\n|---|---|\n",
        f"| `{styles[1]}` | {metrics['int8'][f'tiny_{styles[1]}_psnr']:.1f} |",
        "streamsr train style tiny --data FOLDER --art FOLDER",
    ):
        assert words in card


@pytest.mark.torch
def test_interpolations(home: Path, tmp_path: Path, sets: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    baselines.main(["--eval", str(tmp_path / "eval")], home)
    lines = capsys.readouterr().out.splitlines()
    made = tomllib.loads((home / "manifest.toml").read_text("utf-8"))
    assert [line.split("`")[1] for line in lines] == list(made)
    assert len(made) == 10
    assert {(facts["weights"], facts["card"]) for facts in made.values()} == {(0, "models/interpolation.md")}
    for name in made:
        mine, bundled = (load_model(path).proto.graph for path in (home / f"models/{name}.onnx", resolve(name).path))
        for one, other in zip(mine.initializer, bundled.initializer, strict=True):
            np.testing.assert_array_equal(numpy_helper.to_array(one), numpy_helper.to_array(other), name)


def bundled_checkpoints() -> list[Path]:
    return sorted((HOME / "checkpoints").glob("*.safetensors"))


@pytest.mark.torch
@pytest.mark.parametrize("path", bundled_checkpoints(), ids=lambda path: path.stem)
def test_a_bundled_file_is_what_its_checkpoint_exports(path: Path) -> None:
    generator, spec = read_checkpoint(path)
    made, spec = to_onnx(generator, spec)
    bundled = load_model(resolve(path.stem).path)
    for ours, theirs in zip(made.graph.initializer, bundled.proto.graph.initializer, strict=True):
        assert ours.name == theirs.name
        np.testing.assert_allclose(numpy_helper.to_array(ours), numpy_helper.to_array(theirs), atol=1e-6)
    facts = ("name", "scale", "color", "halo", "checkpoint_sha256")
    assert [getattr(bundled.spec, fact) for fact in facts] == [getattr(spec, fact) for fact in facts]
    about = bundle.read_about(path.with_suffix(".toml"))
    assert (bundled.spec.licence, bundled.spec.training_data) == (about.licence, about.training_data)
    assert ("int8" in resolve(path.stem).variants) == about.int8
    facts = resolve(path.stem).facts
    assert facts is not None
    assert facts.weights == bundle.weights_of(generator)


def test_every_model_of_the_manifest_is_a_checked_graph() -> None:
    for name in names():
        for path in (resolve(name).path, *resolve(name).variants.values()):
            onnx.checker.check_model(onnx.load(path), full_check=True)


@pytest.mark.torch
def test_a_recipe_says_what_to_calibrate_on(tmp_path: Path) -> None:
    for name in ("kodak/1.png", "photos/mate-desktop_1.png", "photos/2.png", "t91/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    chosen = bundle.trained_on(HOME / "checkpoints/live-x2.safetensors", tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in chosen] == ["kodak/1.png", "photos/2.png"]


def test_what_is_said_about_a_model_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "about.toml"
    path.write_text('summary = "s"\ngroup = "g"\nlicense = "MIT"\n')
    with pytest.raises(ConfigError, match=r"about\.toml does not describe a model: .*license"):
        bundle.read_about(path)
    with pytest.raises(ConfigError, match=r"gone\.toml"):
        bundle.read_about(tmp_path / "gone.toml")
    with pytest.raises(ConfigError, match="holds no benchmark set"):
        bundle.benchmark_sets(tmp_path)


def test_the_manifest_takes_up_changes_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("a", "b"):
        (tmp_path / f"models/{name}.onnx").write_text(name)
        facts: dict[str, str | int] = {"summary": f'Say "{name}" \\ é', "scale": 2}
        note_model(f"{name}-x2", facts, {"fp32": tmp_path / f"models/{name}.onnx"}, tmp_path)
    before = table(tmp_path, "b-x2")
    assert before["summary"] == 'Say "b" \\ é'
    (tmp_path / "models/a.onnx").write_text("new")
    note_model("a-x2", {"summary": "new", "scale": 4}, {"fp32": tmp_path / "models/a.onnx"}, tmp_path)
    tables = tomllib.loads((tmp_path / "manifest.toml").read_text("utf-8"))
    assert list(tables) == ["a-x2", "b-x2"]
    assert tables["b-x2"] == before
    digest = sha256_of(tmp_path / "models/a.onnx")
    assert tables["a-x2"] == {
        "summary": "new", "scale": 4, "files": {"fp32": {"path": "models/a.onnx", "sha256": digest}}
    }  # fmt: skip
    assert not list(tmp_path.glob(".*"))
