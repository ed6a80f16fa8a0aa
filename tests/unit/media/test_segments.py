"""Parts of a source, exact to the frame."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from streamsr.errors import ConfigError
from streamsr.media.read_options import ReadOptions
from tests.clips import make_clip
from tests.unit.media.reading import nearest_picture, read

SPANS = [
    (None, Fraction(1)),
    (Fraction(1), None),
    (Fraction(3, 5), Fraction(7, 5)),
    (Fraction(101, 100), Fraction(3, 2)),
]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "h264", "mpg"])
@pytest.mark.parametrize(("start", "end"), SPANS)
def test_half_open_and_exact(suffix: str, start: Fraction | None, end: Fraction | None, tmp_path: Path) -> None:
    path = tmp_path / f"clip.{suffix}"
    codec = {"mpg": "mpeg2video", "avi": "mpeg4"}.get(suffix, "libx264")
    pictures = make_clip(path, codec=codec, frames=50, options={"g": "12", "bf": "0" if suffix == "avi" else "2"})
    info, frames, _ = read(path, start=start, end=end)
    wanted = [i for i in range(50) if (start or 0) <= Fraction(i, 25) < (end or 99)]
    assert [nearest_picture(frame, pictures) for frame in frames] == wanted
    assert [frame.cut for frame in frames] == [True] + [False] * (len(wanted) - 1)
    beginning = read(path)[1][0].time
    assert info.start == (None if start is None else beginning + start)
    assert info.end == (None if end is None else beginning + end)
    assert [frame.time - beginning for frame in frames] == [Fraction(i, 25) for i in wanted]


def test_a_part_starts_between_key_frames_far_apart(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    pictures = make_clip(path, codec="libx264", frames=60, options={"g": "250"})
    _, frames, _ = read(path, start=Fraction(2), frames=3)
    assert [nearest_picture(frame, pictures) for frame in frames] == [50, 51, 52]


def test_late_start_counts_from_the_beginning_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    make_clip(path, codec="libx264", pts=[250 + i for i in range(12)])
    info, frames, _ = read(path, start=Fraction(1, 5), frames=2)
    assert info.start == Fraction(51, 5)
    assert [frame.time for frame in frames] == [Fraction(51, 5), Fraction(256, 25)]


def test_number_of_frames_and_estimates(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    make_clip(path, codec="libx264", frames=50)
    info, frames, _ = read(path, frames=7)
    assert (info.frames, len(frames), info.partial) == (7, 7, True)
    info, frames, _ = read(path, start=Fraction(1))
    assert (info.frames, info.duration, info.partial) == (25, 1, False)


def test_a_part_behind_the_end_has_no_frames(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", codec="libx264")
    assert read(tmp_path / "clip.mp4", start=Fraction(9))[1] == []


@pytest.mark.parametrize(
    "options",
    [
        *[{"start": Fraction(-1)}, {"start": Fraction(2), "end": Fraction(2)}, {"end": Fraction(0)}],
        *[{"frames": 0}, {"threads": -1}, {"frame_rate": Fraction(0)}],
    ],
)
def test_impossible_options(options: dict[str, Fraction]) -> None:
    with pytest.raises(ConfigError):
        ReadOptions(**options)
