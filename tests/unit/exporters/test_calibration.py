from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from exporters.calibration import EVERY_IMAGE, calibration_images
from streamsr.errors import ConfigError
from streamsr.graph import Model
from streamsr.spec import ModelSpec
from streamsr.training.degrade import bicubic
from streamsr.training.images import find_images
from streamsr.training.metrics import luma
from tests.nets import Net, small


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, size in {"a/large.png": (300, 280), "b/small.png": (51, 40)}.items():
        path = tmp_path / name
        path.parent.mkdir()
        cv2.imwrite(str(path), rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    (tmp_path / "README.txt").write_text("no image")
    return tmp_path


def windows(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(picture, shape)


def test_images_are_found_by_globs(photos: Path) -> None:
    assert [path.name for path in find_images(photos, EVERY_IMAGE)] == ["large.png", "small.png"]
    assert [path.name for path in find_images(photos, ["*/*"], ["b/*"])] == ["large.png"]


@pytest.mark.parametrize("color", ["luma", "rgb"])
def test_patches_are_windows_of_the_downscaled_images(photos: Path, color: str) -> None:
    patches = calibration_images(find_images(photos, EVERY_IMAGE), small(color), 5)
    channels = 1 if color == "luma" else 3
    assert [patch.shape for patch in patches] == [(1, channels, 128, 128)] * 3 + [(1, channels, 25, 20)] * 2
    image = cv2.imread(str(photos / "a/large.png"))[..., ::-1]
    from fractions import Fraction

    low = bicubic(image, Fraction(1, 2))
    first = luma(low) if color == "luma" else low[..., 0]
    codes = patches[0][0, 0] * 255
    np.testing.assert_allclose(codes, np.round(codes), atol=1e-4)
    found = windows(first, (128, 128)) == np.round(codes).astype(np.uint8)
    assert found.all(axis=(2, 3)).any()
    again = calibration_images(find_images(photos, EVERY_IMAGE), small(color), 5)
    for one, same in zip(patches, again, strict=True):
        np.testing.assert_array_equal(one, same)


def test_images_may_be_taken_as_they_are(photos: Path) -> None:
    (patch,) = calibration_images([photos / "b/small.png"], small("rgb"), 1, shrink=False)
    np.testing.assert_allclose(patch[0] * 255, cv2.imread(str(photos / "b/small.png"))[..., ::-1].transpose(2, 0, 1))


def test_patches_fit_what_the_model_takes(photos: Path) -> None:
    coarse = small("luma")
    coarse = Model(ModelSpec("coarse", scale=2, color="luma", multiple_of=16), coarse.proto)
    shapes = {patch.shape for patch in calibration_images(find_images(photos, EVERY_IMAGE), coarse, 4)}
    assert shapes == {(1, 1, 128, 128), (1, 1, 16, 16)}
    net = Net("luma")
    net.conv(1, 1)
    fixed = Model(ModelSpec("fixed", color="luma"), net.proto((48, 64)))
    shapes = {patch.shape for patch in calibration_images(find_images(photos, EVERY_IMAGE), fixed, 4)}
    assert shapes == {(1, 1, 48, 64)}
    with pytest.raises(ConfigError, match="every image is smaller than what fixed takes"):
        calibration_images([photos / "b/small.png"], fixed, 4)


def test_many_images_are_sampled_evenly(photos: Path) -> None:
    paths = [photos / "b/small.png"] * 50
    assert len(calibration_images(paths, small("luma"), 7)) == 7
