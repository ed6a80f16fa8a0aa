"""`streamsr styles`: a list, and a sheet of pictures."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from streamsr.analysis.sheet import GAP, HEAD
from tests.integration.conftest import Run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    pytest.importorskip("torch")
    from tests.stylizers import stylizer_model

    onnx.save(stylizer_model().proto, tmp_path / "mine.onnx")
    return tmp_path / "mine.onnx"


@pytest.mark.torch
def test_the_styles_of_a_model_of_mine(
    run: Run, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = np.full((40, 56, 3), (200, 100, 50), np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), photo)
    sheet = tmp_path / "sheet.png"
    assert run("styles", "-m", model, "--sheet", sheet, "--picture", tmp_path / "photo.png") == 0
    assert capsys.readouterr().out.split() == ["ink", "oil", "chalk"]
    picture = cv2.imread(str(sheet))
    assert picture.shape == (HEAD + 40 + GAP, 4 * (56 + GAP), 3)
    panels = [picture[HEAD : HEAD + 40, left : left + 56] for left in range(0, picture.shape[1], 56 + GAP)]
    np.testing.assert_array_equal(panels[0], photo)
    for index, panel in enumerate(panels):
        assert all((panel != other).mean() > 0.5 for other in panels[:index])
    assert run("styles", "-m", model, "--sheet", sheet) == 1, "it is there already"
    assert "exists" in capsys.readouterr().err
    assert run("styles", "-m", model, "--sheet", tmp_path / "sheet.doc", "-q") == 1
    assert "no picture can be written to a file called *.doc" in capsys.readouterr().err
    assert not (tmp_path / "sheet.doc").exists()


def test_the_bundled_styles_and_their_artworks(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("styles") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 8
    assert "starry_night      Vincent van Gogh, The Starry Night (1889)" in lines
    assert run("styles", "--json") == 0
    facts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(line.startswith(each["style"]) for line, each in zip(lines, facts, strict=True))
    assert all(each["licence"].startswith(("public domain", "CC0")) for each in facts)


def test_a_model_without_styles(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("styles", "-m", "live-x2") == 2
    assert "live-x2 has no styles to choose from; name a stylizer" in capsys.readouterr().err
    assert run("styles", "-m", "style-life") == 1
    assert "did you mean 'style-live'" in capsys.readouterr().err
