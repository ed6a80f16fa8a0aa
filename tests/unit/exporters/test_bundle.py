from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from exporters import bundle
from streamsr.zoo.catalog import HOME, sha256_of

pytestmark = pytest.mark.torch


def test_the_bundled_file_is_what_its_checkpoint_exports(tmp_path: Path) -> None:
    import onnx
    from onnx import numpy_helper

    from exporters.onnx import export_onnx

    made_spec = export_onnx(HOME / "checkpoints/live-x2.safetensors", tmp_path / "live-x2.onnx")
    made, bundled = (onnx.load(path) for path in (tmp_path / "live-x2.onnx", HOME / "models/live-x2.onnx"))
    for ours, theirs in zip(made.graph.initializer, bundled.graph.initializer, strict=True):
        np.testing.assert_allclose(numpy_helper.to_array(ours), numpy_helper.to_array(theirs), atol=1e-6)
    spec = bundle.load_model(HOME / "models/live-x2.onnx").spec
    assert (spec.checkpoint_sha256, spec.halo) == (made_spec.checkpoint_sha256, 10)


def test_the_manifest_takes_up_new_hashes(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    text = ""
    for name in ("a", "b"):
        (tmp_path / f"models/{name}.onnx").write_text(name)
        text += f'["{name}"]\npath = "models/{name}.onnx"\nsha256 = "{"0" * 64}"\n'
    (tmp_path / "manifest.toml").write_text(text)
    bundle.note_hashes(tmp_path)
    tables = tomllib.loads((tmp_path / "manifest.toml").read_text())
    assert {name: table["sha256"] for name, table in tables.items()} == {
        name: sha256_of(tmp_path / f"models/{name}.onnx") for name in ("a", "b")
    }
