from __future__ import annotations

from pathlib import Path

import pytest

from streamsr.errors import OpenError
from streamsr.media.images import ImageSequence
from streamsr.media.open import SOURCES, open_source
from streamsr.media.source import FileSource
from tests.clips import LOSSLESS, make_clip


def test_each_kind_is_recognised(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mkv", **LOSSLESS)
    make_clip(tmp_path / "1.png", codec="png", pix_fmt="rgb24", frames=1, format="image2pipe")
    kinds = {tmp_path / "clip.mkv": FileSource, tmp_path: ImageSequence, tmp_path / "%d.png": ImageSequence}
    for spec, kind in kinds.items():
        source = open_source(spec)
        assert type(source) is kind
        source.close()


def test_registered_kinds() -> None:
    assert list(SOURCES)[:4] == ["pipe", "pattern", "folder", "file"]


def test_urls_go_to_ffmpeg_and_give_their_video_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_clip(tmp_path / "clip.mkv", **LOSSLESS, audio=1)
    source = open_source(f"file://{tmp_path / 'clip.mkv'}")
    assert len(list(source)) == 12
    assert source.info.container is None
    assert "clip.mkv is not a file: only its video is read" in caplog.text
    source.close()
    with pytest.raises(OpenError, match=r"rtmp://127\.0\.0\.1:1/x cannot be opened"):
        open_source("rtmp://127.0.0.1:1/x")
