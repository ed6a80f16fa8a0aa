from __future__ import annotations

from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
from onnx import helper

from exporters.candidates import METHODS, candidates
from exporters.evaluate import Quality, Score, bicubic_upscale, evaluate, mean, model_upscale, score
from exporters.pairs import Image, Pair, read_pairs, read_set
from streamsr.errors import ConfigError, ModelError, UnknownNameError
from streamsr.graph import Model
from streamsr.graph.model import load_model
from streamsr.spec import ModelSpec
from streamsr.training.metrics import luma, psnr, ssim
from streamsr.zoo.catalog import resolve
from tests.nets import identity, nearest


def measured(shared_data: Path, model: str) -> Quality:
    return evaluate(model_upscale(load_model(resolve(model).path)), read_set(shared_data / "eval/Set5", 2), 2)


@pytest.mark.shared
def test_live_x2_reaches_its_quality_and_int8_keeps_it(shared_data: Path) -> None:
    plain, int8 = measured(shared_data, "live-x2"), measured(shared_data, "live-x2.int8")
    assert plain.images == 5
    assert plain.psnr >= 37.0
    assert plain.ssim >= 0.955
    assert int8.psnr >= plain.psnr - 0.15
    stated = load_model(resolve("live-x2").path).spec.metrics
    assert stated["set5_psnr"] == pytest.approx(plain.psnr, abs=0.01)
    assert stated["set5_ssim"] == pytest.approx(plain.ssim, abs=0.001)


@pytest.mark.shared
def test_a_set_with_images_for_one_scale_alone(shared_data: Path) -> None:
    pairs = list(read_set(shared_data / "eval/Set14", 4))
    assert [pair.name for pair in pairs] == [f"img_{index:03}" for index in range(1, 15)]
    quality = evaluate(bicubic_upscale(4), pairs, 4)
    assert quality.psnr == pytest.approx(26.10, abs=0.05)


def write(path: Path, image: Image) -> None:
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), image[..., ::-1])


@pytest.fixture
def truths(tmp_path: Path) -> Path:
    for index in range(2):
        image = np.random.default_rng(index).integers(0, 256, (45, 61, 3), dtype=np.uint8)
        write(tmp_path / f"hr/{index}.png", cv2.GaussianBlur(image, (0, 0), 2))
    return tmp_path / "hr"


def test_scores_are_of_each_image_and_their_mean(truths: Path) -> None:
    pairs = list(read_pairs([truths], None, 2))
    rows = list(score({"bicubic": bicubic_upscale(2)}, pairs, 2))
    for row, pair in zip(rows, pairs, strict=True):
        picture, truth = bicubic_upscale(2)(pair.low), luma(pair.high)
        assert row["bicubic"] == Score(pair.name, psnr(picture, truth, 2), ssim(picture, truth, 2))
    scores = [row["bicubic"] for row in rows]
    assert mean(scores).psnr == pytest.approx((scores[0].psnr + scores[1].psnr) / 2)
    assert mean(scores) == evaluate(bicubic_upscale(2), pairs, 2)


@pytest.mark.parametrize("color", ["luma", "rgb"])
def test_a_model_is_given_what_a_decoder_gives(truths: Path, color: str) -> None:
    low = next(read_pairs([truths], None, 2)).low
    large = low.repeat(2, 0).repeat(2, 1)
    np.testing.assert_array_equal(model_upscale(nearest(color))(low), luma(large))
    assert evaluate(model_upscale(identity(color)), [Pair("same", low, low)], 1).psnr == np.inf


def test_given_and_made_low_resolution_images_are_the_same_test(truths: Path, tmp_path: Path) -> None:
    made = list(read_pairs([truths], None, 2))
    for pair in made:
        write(tmp_path / f"lr/{pair.name}x2.png", pair.low)
    (tmp_path / "other").mkdir()
    (truths / "0.png").rename(tmp_path / "other/0_HR.png")
    given = list(read_pairs([tmp_path / "other", truths], tmp_path / "lr", 2))
    for one, same in zip(made, given, strict=True):
        np.testing.assert_array_equal(one.low, same.low)
        np.testing.assert_array_equal(one.high, same.high)
        assert same.high.shape == (44, 60, 3)


def test_a_model_that_takes_multiples_of_its_own_gets_them() -> None:
    """Folding squares of pixels and unfolding them changes nothing, and takes even sides."""
    nodes = [helper.make_node(kind, [a], [b], blocksize=2) for kind, a, b in (
        ("SpaceToDepth", "input", "folded"), ("DepthToSpace", "folded", "output")
    )]  # fmt: skip
    ends = [[helper.make_tensor_value_info(name, 1, [1, 3, f"{name}_h", f"{name}_w"])] for name in ("input", "output")]
    proto = helper.make_model(helper.make_graph(nodes, "same", *ends), opset_imports=[helper.make_opsetid("", 18)])
    proto.ir_version = 10
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    same = model_upscale(Model(ModelSpec("same", color="rgb", multiple_of=2), proto))
    np.testing.assert_array_equal(same(image), luma(image))


def test_notes_beside_the_images_are_not_scored(truths: Path) -> None:
    names = [pair.name for pair in read_pairs([truths], None, 2)]
    (truths / "README.txt").write_text("FFmpeg makes a film of this\n" * 30)
    assert [pair.name for pair in read_pairs([truths], None, 2)] == names


def test_images_that_do_not_belong_together(truths: Path, tmp_path: Path) -> None:
    write(tmp_path / "few/0.png", np.zeros((20, 20, 3), np.uint8))
    write(tmp_path / "one/1.png", np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(ConfigError, match=r"1\.png has no image of the same name"):
        list(read_pairs([tmp_path / "few"], tmp_path / "one", 2))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no images in"):
        list(read_pairs([truths], tmp_path / "empty", 2))
    with pytest.raises(ConfigError, match="cannot look into"):
        list(read_pairs([tmp_path / "gone"], None, 2))
    for scale in (1, 4):
        with pytest.raises(ConfigError, match=rf"0\.png is 61x45, but {scale} times .* is the scale right"):
            list(read_pairs([truths], tmp_path / "few", scale))


@pytest.mark.torch
def test_whatever_has_a_name(checkpoint: Path, truths: Path) -> None:
    from streamsr.generators.interpolation import Method

    assert get_args(Method) == METHODS
    found, scale = candidates(["lanczos", "live-x2", str(checkpoint)], None)
    assert (list(found), scale) == (["bicubic", "lanczos", "live-x2", str(checkpoint)], 2)
    low = next(read_pairs([truths], None, 2)).low
    sizes = {name: upscale(low).shape for name, upscale in found.items()}
    assert set(sizes.values()) == {(44, 60)}
    np.testing.assert_array_equal(found["lanczos"](low), candidates(["lanczos-x2"], 2)[0]["lanczos-x2"](low))
    difference = np.abs(found["bicubic"](low).astype(int) - candidates(["bicubic-x2"], 2)[0]["bicubic-x2"](low))
    assert difference.max() <= 1


@pytest.mark.torch
def test_a_checkpoint_and_its_model_score_the_same(checkpoint: Path, tmp_path: Path, truths: Path) -> None:
    from exporters.onnx import export_generator, read_checkpoint

    export_generator(*read_checkpoint(checkpoint)[:1], tmp_path / "tiny.onnx", read_checkpoint(checkpoint)[1])
    found, _ = candidates([str(checkpoint), str(tmp_path / "tiny.onnx")], None)
    low = next(read_pairs([truths], None, 2)).low
    np.testing.assert_array_equal(found[str(checkpoint)](low), found[str(tmp_path / "tiny.onnx")](low))


def test_names_that_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'lanczos'"):
        candidates(["lanczoz"], 2)
    with pytest.raises(ConfigError, match="any scale; say which with --scale"):
        candidates(["lanczos"], None)
    with pytest.raises(ConfigError, match="lanczos-x4 upscales 4 times, not 2"):
        candidates(["live-x2", "lanczos-x4"], None)
    with pytest.raises(ModelError, match="gone"):
        candidates([str(tmp_path / "gone.safetensors")], 2)
