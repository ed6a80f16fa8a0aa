from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from exporters import evaluate as quality
from streamsr.errors import ConfigError
from streamsr.graph.model import load_model
from streamsr.zoo.catalog import resolve


def measured(shared_data: Path, model: str) -> quality.Quality:
    pairs = quality.read_pairs([shared_data / "eval/Set5/HR"], shared_data / "eval/Set5/LR_x2", 2)
    return quality.evaluate(quality.model_upscale(load_model(resolve(model).path)), pairs, 2)


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


@pytest.fixture
def truths(tmp_path: Path) -> Path:
    folder = tmp_path / "hr"
    folder.mkdir()
    for index in range(2):
        image = np.random.default_rng(index).integers(0, 256, (45, 61, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), cv2.GaussianBlur(image, (0, 0), 2))
    return folder


def test_the_command_prints_a_line_for_bicubic_and_each_model(
    truths: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["evaluate", "--model", "live-x2", "--model", "live-x2.int8", "--hr", str(truths)]
    monkeypatch.setattr(sys, "argv", argv)
    quality.main()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["model"] for line in lines] == ["bicubic", "live-x2", "live-x2.int8"]
    assert all(line["images"] == 2 and line["psnr"] > 25 and 0.5 < line["ssim"] <= 1 for line in lines)


def test_given_and_made_low_resolution_images_are_the_same_test(truths: Path, tmp_path: Path) -> None:
    made = quality.read_pairs([truths], None, 2)
    (tmp_path / "lr").mkdir()
    for index, (low, _) in enumerate(made):
        cv2.imwrite(str(tmp_path / "lr" / f"{index}.png"), low[..., ::-1])
    given = quality.read_pairs([tmp_path / "nothing", truths], tmp_path / "lr", 2)
    for (low, high), (same_low, same_high) in zip(made, given, strict=True):
        np.testing.assert_array_equal(low, same_low)
        np.testing.assert_array_equal(high, same_high)
        assert high.shape == (44, 60, 3)


def test_images_without_a_partner(truths: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"0\.png has no image of the same name"):
        quality.read_pairs([tmp_path / "empty"], truths, 2)
    with pytest.raises(ConfigError, match="no images in"):
        quality.read_pairs([truths], tmp_path / "empty", 2)
