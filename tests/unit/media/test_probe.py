from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from streamsr.color import Color
from streamsr.errors import OpenError
from streamsr.media.create import create_sink
from streamsr.media.probe import probe
from tests.clips import ROTATE_90, make_clip
from tests.muxes import frames, write


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
    assert lines[1].startswith("  stream 0: video h264 High, 64x48, yuv420p, 25 fps, und, default")
    assert lines[2].startswith("  stream 1: audio aac, 48000 Hz, mono, eng, default")
    assert lines[-1] == "  streamsr reads: stream 0, 64x48, yuv420p, left"
    assert "unknown" not in "\n".join(lines)


def test_a_file_without_video_is_still_described(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mkv", codec="libx264", audio=1, cover_art=False)
    (tmp_path / "words.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    found = probe(tmp_path / "words.srt")
    assert [stream["type"] for stream in found.streams] == ["subtitle"]
    assert "has no video, only subtitle" in found.video["error"]


def test_colour_chapters_metadata_and_attachments_in_lines(tmp_path: Path) -> None:
    color = Color("bt2020nc", "tv", "bt2020", "smpte2084", "topleft")
    make_clip(
        tmp_path / "clip.mkv", codec="libx264", subtitles=True, color=color, sar=Fraction(4, 3),
        rate=Fraction(24000, 1001), chapters=[(0, 0.2, "one")],
        attachments=[("a.ttf", "font/ttf", b"abc" * 10)], metadata={"title": "A clip"},
        display_matrix=ROTATE_90,
    )  # fmt: skip
    first, *lines = probe(tmp_path / "clip.mkv").describe().splitlines()
    assert first.endswith("s")
    tags = "bt2020nc bt2020 smpte2084 tv"
    assert lines[0] == f"  stream 0: video h264 High, 64x48, yuv420p, 23.976 fps, {tags}, sar 4/3, und"
    assert lines[1] == "  stream 1: subtitle subrip, eng"
    assert lines[2] == "  stream 2: attachment, a.ttf, font/ttf, 30 bytes"
    assert lines[3] == "  chapter 0.000 to 0.200 s: one"
    assert lines[4] == "  metadata:"
    assert "    title: A clip" in lines
    assert lines[-1] == f"  streamsr reads: stream 0, 64x48, yuv420p, {tags} topleft, sar 4/3, rotated by 90 degrees"


def test_folders_and_patterns_of_images(tmp_path: Path) -> None:
    info, made = frames("rgb24", 3)
    write(create_sink(tmp_path / "shots"), info, made)
    for spec in (tmp_path / "shots", tmp_path / "shots" / "frame_%06d.png"):
        found = probe(spec)
        assert found.container == "images"
        assert (found.video["images"], found.video["size"], found.video["layout"]) == (3, "64x48", "rgb24")
        assert found.describe().splitlines()[1].startswith("  streamsr reads: 3 images, 64x48, rgb24")
        assert json.loads(json.dumps(found.to_dict())) == found.to_dict()
    with pytest.raises(OpenError, match="holds no images"):
        (tmp_path / "empty").mkdir()
        probe(tmp_path / "empty")


def test_a_pipe_is_not_looked_into() -> None:
    with pytest.raises(OpenError, match="pipe"):
        probe("-")


def test_what_cannot_be_opened_raises(tmp_path: Path) -> None:
    with pytest.raises(OpenError):
        probe(tmp_path / "gone.mp4")
