"""`streamsr stylize-image` as a user runs it, in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

torch = pytest.importorskip("torch")

from streamsr.cli.main import app  # noqa: E402
from streamsr.errors import ConfigError, ModelError, OpenError  # noqa: E402
from streamsr.training.images import read_rgb  # noqa: E402
from tests.unit.training.styles import Studio  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio.build(tmp_path_factory.mktemp("studio"))


def run(studio: Studio, out: Path, *options: str, optimize: bool = True) -> Result:
    pictures = [str(studio.photos / "0.png"), str(studio.art / "waves.png"), str(out)]
    flags = ["--optimize"] if optimize else []
    words = ["stylize-image", *flags, *pictures, "--perceptual", str(studio.backbone), "--steps", "1", *options]
    return CliRunner().invoke(app, words)


def test_a_picture_is_painted_within_the_size(studio: Studio, tmp_path: Path) -> None:
    done = run(studio, tmp_path / "painted.png", "--size", "40", "--beta", "30")
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(tmp_path / "painted.png")
    painted = read_rgb(tmp_path / "painted.png")
    assert painted.shape == (32, 40, 3)
    assert painted.std() > 5
    again = run(studio, tmp_path / "painted.png", "--size", "40", "--quiet")
    assert isinstance(again.exception, OpenError), "nothing is replaced unasked"
    assert run(studio, tmp_path / "painted.png", "--size", "32", "-y", "-q").exit_code == 0
    assert read_rgb(tmp_path / "painted.png").shape == (26, 32, 3)


def test_clear_errors(studio: Studio, tmp_path: Path) -> None:
    def fail(error: type[Exception], words: str, *options: str, out: str = "a.png", optimize: bool = True) -> None:
        done = run(studio, tmp_path / out, "--size", "32", "-q", *options, optimize=optimize)
        assert isinstance(done.exception, error)
        assert words in str(done.exception)
        assert not (tmp_path / out).exists()

    fail(ConfigError, "say --optimize; `streamsr stylize` paints by a network", optimize=False)
    fail(ModelError, "nowhere.npz cannot be read", "--perceptual", "nowhere.npz")
    fail(ConfigError, "no picture can be written to a file called *.txt", out="a.txt")
    assert not list(tmp_path.iterdir()), "nothing half done is left"
