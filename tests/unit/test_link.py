from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper

import streamsr
from streamsr.assembly import EngineOptions
from streamsr.chain import Chain
from streamsr.errors import ConfigError, ModelError, UnknownNameError
from streamsr.graph.model import load_model
from streamsr.link import make_links
from streamsr.zoo.catalog import resolve
from tests.nets import small

FP32 = EngineOptions(backend="onnxruntime", precision="fp32", threads=1, cache=False)


def write(path: Path, seed: int, color: str = "luma") -> str:
    net = small(color, seed=seed, residual=False)
    path.write_bytes(net.proto.SerializeToString())
    return str(path)


@pytest.fixture
def mine(tmp_path: Path) -> str:
    """A model with a twin beside it."""
    write(tmp_path / "mine-gan.onnx", 2)
    return write(tmp_path / "mine.onnx", 1)


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(60, 190, (24, 36), dtype=np.uint8)


def first_weight(path: str) -> np.ndarray:
    return numpy_helper.to_array(load_model(path).proto.graph.initializer[0])


def test_detail_mixes_a_model_with_its_twin(mine: str) -> None:
    (link,) = make_links([mine], 0.25)
    one, other = first_weight(mine), first_weight(mine.replace("mine", "mine-gan"))
    mixed = numpy_helper.to_array(link.model("fp32").proto.graph.initializer[0])
    np.testing.assert_allclose(mixed, 0.75 * one + 0.25 * other, atol=1e-7)
    assert link.name == "mine@0.25"
    assert link.scale == 2
    assert link.model("int8") is link.model("fp32")


def test_the_ends_are_the_files_themselves(mine: str) -> None:
    for detail, name in ((None, "mine"), (0.0, "mine"), (1.0, "mine-gan")):
        (link,) = make_links([mine], detail)
        assert (link.name, link.path("fp32").stem) == (name, name)
        assert link.model("fp32").proto == load_model(link.path("fp32")).proto


def test_every_detail_is_another_picture(mine: str, picture: np.ndarray) -> None:
    pictures = []
    for detail in (None, 0.0, 0.5, 1.0):
        with Chain(mine, options=FP32, detail=detail) as chain:
            pictures.append(streamsr.upscale(picture, model=chain))
    plain, none, half, full = (each.astype(int) for each in pictures)
    np.testing.assert_array_equal(plain, none)
    assert np.abs(half - none).max() > 3
    assert np.abs(half - full).max() > 3
    np.testing.assert_array_equal(streamsr.upscale(picture, model=mine, detail=0.5).shape, half.shape)


def test_compiled_engines_of_different_details_are_kept_apart(
    mine: str, picture: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMSR_CACHE_DIR", str(tmp_path / "cache"))
    options = EngineOptions(backend="openvino", precision="fp32", threads=1)
    pictures = []
    for detail in (0.2, 0.8, 0.2):
        with Chain(mine, options=options, detail=detail) as chain:
            pictures.append(streamsr.upscale(picture, model=chain))
    np.testing.assert_array_equal(pictures[0], pictures[2])
    assert (pictures[0] != pictures[1]).any()
    assert len(list((tmp_path / "cache").rglob("*.engine"))) == 2


def test_only_models_with_a_twin_are_mixed(mine: str, picture: np.ndarray) -> None:
    names = [link.name for link in make_links([mine, "lanczos-x2"], 0.5)]
    assert names == ["mine@0.5", "lanczos-x2"]


def test_mixed_weights_do_not_come_in_int8() -> None:
    plain, twin = resolve("live-x2"), resolve("live-x2")
    from streamsr.link import Link

    assert Link(plain).has_int8
    assert Link(plain).path("int8") == plain.variants["int8"]
    assert not Link(plain, twin, 0.5).has_int8
    assert Link(plain, twin, 0.5).path("int8") == plain.path


def test_what_cannot_be_mixed(mine: str, tmp_path: Path, picture: np.ndarray) -> None:
    for detail in (-0.1, 1.5, float("nan")):
        with pytest.raises(ConfigError, match="is not within 0"):
            make_links([mine], detail)
    with pytest.raises(ConfigError, match="lanczos-x2 has no -gan twin"):
        make_links(["lanczos-x2"], 0.3)
    with pytest.raises(ConfigError, match=r"live-x2\.int8 is int8, and quantized weights cannot be mixed"):
        make_links(["live-x2.int8"], 0.3)
    with (
        pytest.raises(ConfigError, match="int8"),
        Chain(mine, options=EngineOptions(precision="int8"), detail=0.3) as chain,
    ):
        streamsr.upscale(picture, model=chain)
    with pytest.raises(ConfigError, match="at least one model"):
        make_links([], 0.3)
    with pytest.raises(UnknownNameError):
        make_links(["live-x3"])
    write(tmp_path / "mine-gan.onnx", 3, "rgb")
    with pytest.raises(ModelError, match="cannot be mixed: their"):
        make_links([mine], 0.3)[0].model("fp32")


def test_detail_belongs_to_the_chain(mine: str, picture: np.ndarray) -> None:
    with (
        Chain(mine, options=FP32) as chain,
        pytest.raises(ConfigError, match=r"detail, .* belong to the Chain"),
    ):
        streamsr.upscale(picture, model=chain, detail=0.5)
