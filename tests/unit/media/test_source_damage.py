"""Damaged files: what can be read is read, with its right time; nothing hangs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from streamsr.errors import MediaError
from streamsr.frame import Frame
from streamsr.media.source import FileSource
from tests.clips import make_clip
from tests.unit.media.reading import flip_bits, nearest_picture, patch, read, same_planes

CONTAINERS = ["mp4", "mkv", "ts", "avi", "h264"]
pytestmark = pytest.mark.timeout(60)


def clip(path: Path, **fields: object) -> list:
    options = {"g": "10", "bf": "2"} if path.suffix != ".avi" else {"g": "10", "bf": "0"}
    faststart = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    return make_clip(path, codec="libx264", frames=40, options=options, container_options=faststart, **fields)


def increasing(frames: list[Frame]) -> bool:
    return all(b.pts > a.pts for a, b in pairwise(frames))


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_truncated(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip.{suffix}"
    pictures = clip(path)
    patch(path, lambda data: data[: len(data) * 6 // 10])
    _, frames, _ = read(path)
    assert 10 <= len(frames) < 40
    assert increasing(frames)
    intact = [nearest_picture(frame, pictures) for frame in frames[:10]]
    assert intact == list(range(10))
    start = frames[0].time
    assert all(round((frame.time - start) * 25) == i for i, frame in enumerate(frames[:10]))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("suffix", CONTAINERS)
def test_bit_flips(suffix: str, seed: int, tmp_path: Path) -> None:
    path = tmp_path / f"clip.{suffix}"
    clip(path, audio=1 if suffix in ("mp4", "mkv") else 0)
    flip_bits(path, seed)
    try:
        _, frames, _ = read(path)
    except MediaError:
        frames = []
    assert increasing(frames)
    damaged_head = suffix == "mp4"
    assert damaged_head or len(frames) > 5


def test_the_middle_of_a_file_overwritten_shifts_nothing_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    pictures = make_clip(path, codec="ffv1", options={"slicecrc": "1", "level": "3", "g": "1"}, frames=20)
    middle = path.stat().st_size // 2
    patch(path, lambda data: data[:middle] + bytes(40) + data[middle + 40 :])
    _, frames, _ = read(path)
    shown = {frame.time * 25: nearest_picture(frame, pictures) for frame in frames}
    assert len(shown) >= 18
    assert sum(time != index for time, index in shown.items()) <= 1


def test_packets_that_do_not_decode_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    pictures = make_clip(path, codec="magicyuv", pix_fmt="yuv444p", frames=10)
    data = path.read_bytes()
    starts = [i for i in range(len(data)) if data.startswith(b"MAGY", i)]
    assert len(starts) >= 10
    patch(path, lambda data: data[: starts[-6]] + bytes(8) + data[starts[-6] + 8 :])
    info, frames, skipped = read(path)
    assert skipped == 1
    assert [frame.time * 25 for frame in frames] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert info.layout.name == "yuv444p"
    assert same_planes(frames, pictures[:4] + pictures[5:])


def test_missing_index_of_matroska_and_missing_head_of_ts(tmp_path: Path) -> None:
    clip(tmp_path / "clip.ts")
    patch(tmp_path / "clip.ts", lambda data: data[len(data) // 3 + 77 :])
    _, frames, _ = read(tmp_path / "clip.ts")
    assert 5 < len(frames) < 40
    assert increasing(frames)


def test_mp4_without_its_moov_is_a_clear_error(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", codec="libx264")
    patch(tmp_path / "clip.mp4", lambda data: data[: len(data) // 2])
    with pytest.raises(MediaError, match="not a video or an image that FFmpeg can read"):
        FileSource(tmp_path / "clip.mp4")


def test_noise_in_a_container_is_an_error_not_an_empty_video(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    clip(path)
    flip_bits(path, 1, share=0.9, spare=900)
    with pytest.raises(MediaError):
        FileSource(path)
