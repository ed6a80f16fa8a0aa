from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streamsr.errors import ModelError, UnknownNameError
from streamsr.graph.model import load_model
from streamsr.zoo import catalog
from streamsr.zoo.artworks import artworks

EVERY_NAME = [
    name for plain in catalog.names() for name in (plain, f"{plain}.int8") if name == plain or "int8" in
    catalog.resolve(plain).variants
]  # fmt: skip


@pytest.mark.parametrize("name", EVERY_NAME)
def test_bundled_files_are_the_ones_the_manifest_means(name: str) -> None:
    entry = catalog.resolve(name)
    assert catalog.sha256_of(entry.path) == entry.sha256
    assert entry.card is not None
    card = entry.card.read_text("utf-8")
    for word in ("Licence", "Training data", "Limits"):
        assert word in card
    assert entry.summary
    assert "\n" not in entry.summary
    spec = load_model(entry.path).spec
    assert spec.name == name
    assert spec.training_data
    for key, figure in spec.metrics.items():
        digits = 4 if key.endswith("ssim") else 1 if spec.task == "style" else 2
        assert f"{figure:.{digits}f}" in card, "the card states what the file was measured to do"
    assert spec.metrics or (spec.task, entry.precision) == ("style", "fp32"), "there is nothing to compare it with"
    assert entry.facts is not None
    facts = ("task", "scale", "color", "licence")
    assert [getattr(entry.facts, fact) for fact in facts] == [getattr(spec, fact) for fact in facts]


def test_all_models_together_are_small_enough_to_ship() -> None:
    sizes = {path.suffix: 0 for path in catalog.HOME.rglob("*")}
    for path in catalog.HOME.rglob("*"):
        sizes[path.suffix] += path.stat().st_size if path.is_file() else 0
    assert sizes[".onnx"] + sizes[".md"] < 12_000_000
    assert sizes[".safetensors"] < 12_000_000  # what further training starts from


def test_every_bundled_style_is_an_artwork_in_the_public_domain() -> None:
    for name in catalog.names("style"):
        entry = catalog.resolve(name)
        styles = load_model(entry.path).spec.conditioning
        assert len(styles) >= 8
        assert entry.card is not None
        card = entry.card.read_text("utf-8")
        for style in styles:
            artwork = artworks()[style]
            assert "public domain" in artwork.licence
            assert f"| `{style}` | {artwork} | {artwork.licence} |" in card


def test_names_by_task() -> None:
    assert set(catalog.names()) == {*catalog.names("sr"), *catalog.names("style")}
    assert catalog.STYLIZER in catalog.names("style")
    assert catalog.DEFAULT in catalog.names("sr")


def test_no_file_is_left_over() -> None:
    meant = {path for name in EVERY_NAME for path in (catalog.resolve(name).path, catalog.resolve(name).card)}
    assert set((catalog.HOME / "models").iterdir()) == meant


def test_live_x2_and_its_int8_variant() -> None:
    assert {"live-x2", "lanczos-x2"} <= set(catalog.names())
    plain, int8 = catalog.resolve("live-x2"), catalog.resolve("live-x2.int8")
    assert (plain.precision, int8.precision) == ("fp32", "int8")
    assert plain.variants == {"int8": int8.path}
    assert int8.variants == {"fp32": plain.path}


def test_a_twin_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    table = catalog._manifest()["live-x2"]
    monkeypatch.setattr(catalog, "_manifest", lambda: {"one": table, "one-gan": table, "two": table})
    twins = {name: catalog.resolve(name).twin for name in ("one", "one-gan", "two", "one.int8")}
    assert twins == {"one": "one-gan", "one-gan": None, "two": None, "one.int8": None}
    for name in ("mine.onnx", "mine-gan.onnx", "other.onnx"):
        (tmp_path / name).write_bytes(b"")
    assert catalog.resolve(str(tmp_path / "mine.onnx")).twin == str(tmp_path / "mine-gan.onnx")
    assert catalog.resolve(str(tmp_path / "other.onnx")).twin is None


def test_a_path_is_a_name_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(b"abc")
    entry = catalog.resolve(str(path))
    assert (entry.name, entry.path, entry.card, entry.variants) == ("mine", path, None, {})
    assert entry.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_names_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'live-x2'"):
        catalog.resolve("livex2")
    with pytest.raises(UnknownNameError, match=r"'lanczos-x2\.int8'"):
        catalog.resolve("lanczos-x2.int8")
    with pytest.raises(UnknownNameError, match="live-x2"):
        catalog.resolve(str(tmp_path / "gone.onnx"))
    (tmp_path / "model.pt").write_bytes(b"")
    with pytest.raises(ModelError, match="not an ONNX file"):
        catalog.resolve(str(tmp_path / "model.pt"))


def test_looking_up_a_name_loads_nothing_heavy() -> None:
    code = "import sys; from streamsr.zoo import catalog; catalog.resolve('live-x2'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "onnx", "torch", "av", "cv2", "onnxruntime", "openvino"} & set(loaded)
