"""Other people's checkpoints, from their file to pictures enlarged by the command."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.integration.conftest import Run

torch = pytest.importorskip("torch")

from tests.unit.exporters.third_party import official  # noqa: E402

pytestmark = pytest.mark.torch

NETWORKS = {
    "Compact": official.Compact(None, convs=2),
    "ESRGAN": official.OldEsrgan(doublings=1, blocks=1),
    "SPAN": official.Span(2),
}


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """`(H, W, 3)` uint8, smooth enough for random networks."""
    y, x = np.mgrid[:17, :23]
    return np.stack([5 * x + 3 * y, 255 - 9 * x, 10 * y + 40], 2).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("architecture", list(NETWORKS))
def test_import_and_upscale(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path, photo: np.ndarray, architecture: str
) -> None:
    network = official.stirred(NETWORKS[architecture], seed=3)
    with torch.no_grad():  # into the range of pictures, so that clipping hides nothing
        last = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)][-1]
        last.weight.mul_(0.05)
        last.bias.mul_(0.05)
    torch.save({"params": network.state_dict()}, tmp_path / "theirs.pth")
    cv2.imwrite(str(tmp_path / "in.png"), photo[..., ::-1])

    model = tmp_path / "theirs.onnx"
    assert run("import", tmp_path / "theirs.pth", "-o", model, "--licence", "CC0-1.0") == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{architecture} x2, 8 channels")
    assert "rgb, x2, halo" in said
    arguments = ("--model", model, "--precision", "fp32", "-q")
    assert run("upscale", tmp_path / "in.png", tmp_path / "out.png", *arguments) == 0

    picture = torch.from_numpy(photo.transpose(2, 0, 1)[None] / np.float32(255))
    with torch.no_grad():
        expected = network(picture)[0].numpy().transpose(1, 2, 0).clip(0, 1) * 255
    result = cv2.imread(str(tmp_path / "out.png"))[..., ::-1]
    assert 0 < expected.mean() < 255
    np.testing.assert_allclose(result, expected, atol=1)


def test_what_goes_wrong_leaves_nothing(run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "no.pth").write_bytes(b"nothing of the kind")
    assert run("import", tmp_path / "no.pth", "-o", tmp_path / "out.onnx") == 1
    assert "no.pth cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "out.onnx").exists()
    (tmp_path / "out.onnx").write_bytes(b"mine")
    assert run("import", tmp_path / "no.pth", "-o", tmp_path / "out.onnx") != 0
    assert (tmp_path / "out.onnx").read_bytes() == b"mine"
    assert "--overwrite" in capsys.readouterr().err


def test_help_shows_examples(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import", "--help") == 0
    assert "streamsr import realesr-animevideov3.pth -o anime-x4.onnx" in " ".join(capsys.readouterr().out.split())
