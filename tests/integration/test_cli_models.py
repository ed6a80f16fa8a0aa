"""The commands that make, measure and list models."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from streamsr.graph.model import load_model
from streamsr.zoo.catalog import HOME, names, resolve
from tests.integration.conftest import Run
from tests.nets import small

CHECKPOINT = HOME / "checkpoints/live-x2.safetensors"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(2):
        image = np.random.default_rng(index).integers(0, 256, (96, 80, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), cv2.GaussianBlur(image, (0, 0), 2))
    return folder


@pytest.mark.torch
def test_export_quantize_eval(run: Run, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, int8 = tmp_path / "mine.onnx", tmp_path / "mine.int8.onnx"
    assert run("export", CHECKPOINT, "-o", plain, "--verify", "--licence", "CC0-1.0") == 0
    said = capsys.readouterr().out
    assert "luma, x2, halo 10" in said
    assert float(said.split("differs from torch by ")[1].split()[0]) < 1e-5
    spec = load_model(plain).spec
    assert (spec.name, spec.licence, spec.scale) == ("mine", "CC0-1.0", 2)
    assert run("quantize", plain, "-o", int8, "--data", photos, "--include", "0.*", "--keep-float", "conv9") == 0
    assert "calibrated on 128 patches" in capsys.readouterr().out
    kinds = {node.name: node.input[1] for node in onnx.load(int8).graph.node if node.op_type == "Conv"}
    assert (kinds["conv0"], kinds["conv9"]) == ("conv0.weight.real", "conv9.weight")
    models = [argument for model in (plain, int8, CHECKPOINT, "lanczos") for argument in ("--model", model)]
    assert run("eval", "sr", *models, "--hr", photos, "--scale", "2", "--json", "--per-image") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    each, means = lines[:10], {line["model"]: line for line in lines[10:]}
    assert [line["image"] for line in each] == ["0"] * 5 + ["1"] * 5
    assert list(means) == ["bicubic", str(plain), str(int8), str(CHECKPOINT), "lanczos"]
    for name, line in means.items():
        own = [one["psnr"] for one in each if one["model"] == name]
        assert line["psnr"] == pytest.approx(sum(own) / 2)
        assert line["images"] == 2
    assert means[str(plain)]["psnr"] == pytest.approx(means[str(CHECKPOINT)]["psnr"], abs=1e-3)
    assert means[str(int8)]["psnr"] == pytest.approx(means[str(plain)]["psnr"], abs=1)


@pytest.mark.torch
def test_export_of_an_interpolation(run: Run, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wide.onnx"
    assert run("export", "--generator", "lanczos", "--scale", "3", "--color", "rgb", "-o", path) == 0
    assert (load_model(path).spec.scale, load_model(path).spec.color) == (3, "rgb")
    assert run("eval", "sr", "--model", path, "--hr", photos, photos) == 0
    assert [line.split()[-2:] for line in capsys.readouterr().out.splitlines()[1:]] == [["4", "images"]] * 2


def test_results_are_not_overwritten(
    run: Run, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "kept.onnx"
    path.write_text("precious")
    assert run("export", CHECKPOINT, "-o", path) == 1
    assert run("quantize", "live-x2", "-o", path, "--data", photos) == 1
    assert capsys.readouterr().err.count("exists; add --overwrite") == 2
    assert path.read_text() == "precious"
    assert run("quantize", "live-x2", "-o", path, "--data", photos, "-y", "--patches", "2") == 0
    assert load_model(path).spec.name == "live-x2.int8"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["export", "-o", "out.onnx"], 2, "give a checkpoint, or --generator"),
        (["export", "a.safetensors", "--scale", "2", "-o", "out.onnx"], 2, "--scale belongs to --generator"),
        (["export", "gone.safetensors", "-o", "out.onnx"], 1, "gone.safetensors"),
        (
            ["export", "--generator", "ecb", "--scale", "2", "-o", "out.onnx"],
            1,
            "generator without weights named 'ecb'",
        ),
        (
            ["quantize", "live-x2", "-o", "out.onnx", "--data", "photos", "--keep-float", "conv99"],
            1,
            "'conv99'; did you",
        ),
        (["quantize", "live-x2.int8", "-o", "out.onnx", "--data", "photos"], 1, "is quantized already"),
        (["quantize", "live-x2", "-o", "out.onnx", "--data", "gone"], 1, "no images in gone"),
        (["export", str(CHECKPOINT), "-o", "out"], 2, "a model is a file called .onnx"),
        (["eval", "sr", "--model", "lanczos", "--hr", "photos"], 1, "say which with --scale"),
        (["eval", "sr", "--model", "live-x2", "--hr", "gone"], 1, "cannot look into gone"),
        (["upscale", "photos/0.png", "out.png", "--detail", "1.5"], 2, "--detail"),
        (["upscale", "photos/0.png", "out.png", "--detail", "0.5"], 1, "stream-x2 has no -gan twin"),
    ],
)
@pytest.mark.torch
def test_what_cannot_be_done(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], code: int, message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(photos.parent)
    assert run(*arguments) == code
    assert message in capsys.readouterr().err
    assert [path.name for path in photos.parent.iterdir()] == ["photos"]


def test_detail(run: Run, photos: Path, tmp_path: Path) -> None:
    for name, seed in (("mine", 1), ("mine-gan", 2)):
        (tmp_path / f"{name}.onnx").write_bytes(small("rgb", seed=seed).proto.SerializeToString())
    pictures = {}
    for detail in ("0", "0.4", "1"):
        target = tmp_path / f"{detail}.png"
        command = ["upscale", photos / "0.png", target, "-m", tmp_path / "mine.onnx", "--precision", "fp32", "-q"]
        assert run(*command, "--detail", detail) == 0
        pictures[detail] = cv2.imread(str(target)).astype(int)
    assert pictures["0"].shape == (192, 160, 3)
    assert np.abs(pictures["0.4"] - pictures["0"]).max() > 3
    assert np.abs(pictures["0.4"] - pictures["1"]).max() > 3


@pytest.mark.parametrize("name", [name for name in names() if "interpolation" in str(resolve(name).card)])
def test_interpolations_upscale(run: Run, photos: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "large.png"
    assert run("upscale", photos / "0.png", target, "--model", name, "--precision", "fp32", "-q") == 0
    scale = int(name[-1])
    low, large = cv2.imread(str(photos / "0.png")), cv2.imread(str(target))
    assert large.shape == (96 * scale, 80 * scale, 3)
    small_again = cv2.resize(large, (80, 96), interpolation=cv2.INTER_AREA)
    assert np.abs(small_again.astype(int) - low).mean() < (4 if "gaussian" in name else 1.5)


def test_models_are_listed_in_groups(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models") == 0
    lines = capsys.readouterr().out.splitlines()
    headings = [line for line in lines if line and not line.startswith(" ")]
    assert "interpolation" in headings
    assert len(headings) == len(set(headings))
    (line,) = [line for line in lines if line.split()[:1] == ["live-x2"]]
    for word in ("x2", "luma", "19 300 weights", "fp32+int8", "Apache-2.0", "2x upscaling"):
        assert word in line
    assert run("models", "--json") == 0
    entries = {entry["name"]: entry for entry in map(json.loads, capsys.readouterr().out.splitlines())}
    assert tuple(entries) == names()
    assert entries["live-x2"]["variants"] == {"int8": str(HOME / "models/live-x2.int8.onnx")}
    wanted = {
        "group": "interpolation",
        "scale": 4,
        "color": "luma",
        "weights": 0,
        "licence": "Apache-2.0",
        "twin": None,
    }
    assert wanted.items() <= entries["lanczos-x4"].items()
    assert run("models", "lanczos-x2") == 0
    assert "windowed to three lobes" in capsys.readouterr().out
