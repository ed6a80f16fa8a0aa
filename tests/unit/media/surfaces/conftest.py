"""A GPU that decodes, and is none; a clip of 8 bits and one of 10."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsr.notices import say_once
from tests.clips import make_clip
from tests.fake_nvdec import FakeNvdec

from .pictures import KINDS, SIZE


@pytest.fixture
def nvdec(monkeypatch: pytest.MonkeyPatch) -> FakeNvdec:
    say_once.cache_clear()
    return FakeNvdec(monkeypatch)


@pytest.fixture(params=KINDS)
def clip(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "clip.mkv"
    make_clip(path, frames=5, pix_fmt=request.param, codec="libx264", **SIZE)
    return path
