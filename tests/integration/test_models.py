"""Every model of the zoo through the whole pipeline."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import streamsr
from streamsr.frame import Frame
from streamsr.media.open import open_source
from streamsr.zoo.catalog import names, resolve
from tests.clips import make_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "clip.mkv"
    make_clip(path, frames=3, width=64, height=48)
    return path


def first_frame(path: Path) -> Frame:
    with closing(open_source(str(path))) as source:
        return next(iter(source))


@pytest.mark.parametrize(
    "name",
    [variant for name in names("sr") for variant in (name, *(f"{name}.{each}" for each in resolve(name).variants))],
)
def test_upscale_a_clip(name: str, clip: Path, tmp_path: Path) -> None:
    scale = 4 if "-x4" in name else 2
    report = streamsr.upscale(clip, tmp_path / "out.mkv", model=name)
    assert report.frames == 3
    with (
        streamsr.frames(clip, model="nearest-x2") as reference,
        streamsr.frames(tmp_path / "out.mkv", model="nearest-x2") as out,
    ):
        small, large = next(iter(reference)), next(iter(out))
    assert (large.width, large.height) == (scale * small.width, scale * small.height)
    luma = large.planes[0].astype(float).reshape(small.height, scale, small.width, scale).mean((1, 3))
    assert np.abs(luma - small.planes[0]).mean() < 6, "it shows the same"
