from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from streamsr.color import Color
from streamsr.errors import OpenError
from streamsr.media.probe import probe
from tests.clips import ROTATE_90, make_clip


def test_everything_that_is_in_a_file(tmp_path: Path) -> None:
    color = Color("bt709", "tv", "bt709", "bt709", "topleft")
    make_clip(
        tmp_path / "clip.mkv", codec="libx264", audio=2, subtitles=True, color=color, sar=Fraction(4, 3),
        chapters=[(0, 0.2, "one"), (0.2, 0.48, "two")], attachments=[("a.ttf", "font/ttf", b"abc" * 10)],
        metadata={"title": "A clip"}, display_matrix=ROTATE_90,
    )  # fmt: skip
    found = probe(tmp_path / "clip.mkv")
    assert found.container == "matroska,webm"
    assert found.duration == pytest.approx(0.48, abs=0.05)
    assert found.metadata["title"] == "A clip"
    assert [stream["type"] for stream in found.streams] == ["video", "audio", "audio", "subtitle", "attachment"]
    assert [stream["language"] for stream in found.streams[1:4]] == ["eng", "deu", "eng"]
    assert [stream["dispositions"] for stream in found.streams[1:3]] == [[], ["default"]]
    video, sound, _, _, font = found.streams
    assert (video["codec"], video["width"], video["pix_fmt"], video["fps"], video["sar"]) == (
        "h264", 64, "yuv420p", "25", "4/3",
    )  # fmt: skip
    assert (sound["sample_rate"], sound["channels"], sound["layout"]) == (48000, 1, "mono")
    assert (font["name"], font["mimetype"], font["size"]) == ("a.ttf", "font/ttf", 30)
    assert found.chapters == [{"title": "one", "start": 0, "end": 0.2}, {"title": "two", "start": 0.2, "end": 0.48}]
    assert found.video["rotation"] == 90
    assert found.video["color"]["siting"] == "topleft"
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()


def test_the_lines_for_people(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", codec="libx264", audio=1)
    lines = probe(tmp_path / "clip.mp4").describe().splitlines()
    assert lines[0].endswith("clip.mp4: mov,mp4,m4a,3gp,3g2,mj2, 0.480 s")
    assert lines[1].startswith("  stream 0: type video, codec h264")
    assert any(line.startswith("  video: ") and "64x48" in line for line in lines)
    assert "unknown" not in "\n".join(lines)


def test_a_file_without_video_is_still_described(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mkv", codec="libx264", audio=1, cover_art=False)
    (tmp_path / "words.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    found = probe(tmp_path / "words.srt")
    assert [stream["type"] for stream in found.streams] == ["subtitle"]
    assert "has no video, only subtitle" in found.video["error"]


def test_what_cannot_be_opened_raises(tmp_path: Path) -> None:
    with pytest.raises(OpenError):
        probe(tmp_path / "gone.mp4")
