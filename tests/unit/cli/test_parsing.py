"""Text to values, paths to jobs, progress to text."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from streamsr.cli.console import describe
from streamsr.cli.jobs import Job, plan_jobs
from streamsr.cli.options import parse_size, parse_tile, parse_time
from streamsr.errors import ConfigError, OpenError
from streamsr.pipeline import Progress


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("90", 90),
        ("90.5", Fraction(181, 2)),
        ("1:30", 90),
        ("1:00:00.04", 3600 + Fraction(1, 25)),
        ("0", 0),
    ],
)
def test_times(text: str | None, seconds: Fraction | None) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "-1", "1:2:3:4", "1:", "1/2", "nan"])
def test_bad_times(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a time"):
        parse_time(text)


def test_sizes_and_tiles() -> None:
    assert parse_size("640x360") == (640, 360)
    assert (parse_tile("auto"), parse_tile("none"), parse_tile("128")) == ("auto", None, 128)
    for text in ("640", "0x4", "640x", "-1x4", "99999x2"):
        with pytest.raises(ConfigError):
            parse_size(text)
    for text in ("8", "big", "-4"):
        with pytest.raises(ConfigError):
            parse_tile(text)


def test_one_input_one_output() -> None:
    assert plan_jobs(["a.mp4", "b.mp4"], None) == ([Job("a.mp4", "b.mp4")], None)
    with pytest.raises(ConfigError, match="--output-dir"):
        plan_jobs(["a.mp4", "b.mp4", "c.mp4"], None)


def test_many_inputs_into_a_folder() -> None:
    jobs, folder = plan_jobs(["x/a.mp4", "b.ts", "c.bmp"], Path("out"))
    assert folder == Path("out")
    assert [job.output for job in jobs] == ["out/a.mp4", "out/b.mkv", "out/c.png"]
    with pytest.raises(ConfigError, match="would both become"):
        plan_jobs(["x/a.mp4", "y/a.mp4"], Path("out"))


def test_a_folder_of_images_becomes_one(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "notes.txt"):
        (tmp_path / name).touch()
    jobs, folder = plan_jobs([str(tmp_path), "out"], None)
    assert folder == Path("out")
    assert [Path(job.output) for job in jobs] == [Path("out/a.JPG"), Path("out/b.png")]
    assert plan_jobs([str(tmp_path), "film.mp4"], None) == ([Job(str(tmp_path), "film.mp4")], None)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(OpenError, match="holds no images"):
        plan_jobs([str(empty), "out"], None)


def test_progress_line() -> None:
    progress = Progress(frames=120, total=900, seconds=2.5, media_seconds=Fraction(5))
    assert describe("clip.mp4", progress) == "clip.mp4: frame 120/900 (13 %), 48.0 fps, 2.00x, ETA 0:00:16"
    assert describe("", Progress(3, None, 0.0, Fraction(0))) == "frame 3, 0.0 fps"
    assert "/900" not in describe("", Progress(901, 900, 1.0, Fraction(1)))
