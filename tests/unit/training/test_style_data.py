from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from streamsr.errors import ConfigError  # noqa: E402
from streamsr.training.images import read_rgb  # noqa: E402
from streamsr.training.style_data import (  # noqa: E402
    at_heights,
    read_artworks,
    read_photos,
    resized,
    to_image,
    to_tensor,
    within,
)
from streamsr.training.style_recipe import ArtSection  # noqa: E402
from tests.unit.training.styles import Studio  # noqa: E402

pytestmark = pytest.mark.torch


def test_photographs_at_the_heights_of_videos(studio: Studio) -> None:
    paths = sorted(studio.photos.iterdir())
    assert [photo.shape for photo in read_photos(paths, [32, 64, 1080])] == [(32, 40, 3), (64, 80, 3)] * 2
    rgb = read_rgb(paths[0])
    (kept,) = at_heights(rgb, [720])
    assert np.array_equal(kept, rgb)


def test_shrinking_averages() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    expected = rgb.reshape(4, 2, 6, 2, 3).mean((1, 3))
    assert np.abs(resized(rgb, 0.5) - expected).max() <= 0.5
    assert within(rgb, 6).shape == (4, 6, 3)
    assert within(rgb, 12) is rgb


def test_artworks_at_the_size_of_their_strokes(studio: Studio) -> None:
    section = ArtSection({"blots": "blots.png", "waves": "waves.png"}, size=96, strokes={"waves": 0.5})
    assert [tuple(artwork.shape) for artwork in read_artworks(studio.art, section)] == [(1, 3, 120, 96), (1, 3, 60, 48)]
    with pytest.raises(ConfigError, match=r"there is no artwork .*scream\.jpg for style 'scream'; name its folder"):
        read_artworks(studio.art, ArtSection({"scream": "scream.jpg"}))


def test_pictures_as_tensors_and_back(studio: Studio) -> None:
    rgb = read_rgb(studio.art / "blots.png")
    assert to_tensor(rgb).shape == (1, 3, *rgb.shape[:2])
    assert np.array_equal(to_image(to_tensor(rgb)), rgb)


def test_a_damaged_artwork_is_told(tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(Exception, match=r"torn\.png"):
        read_artworks(tmp_path, ArtSection({"torn": "torn.png"}))
