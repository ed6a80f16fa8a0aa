from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.peers.__main__ import summarize
from benchmarks.peers.contenders import CONTENDERS, lacks, lacks_superres
from benchmarks.peers.contest import psnr
from tests.clips import make_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("peers") / "clip.mp4"
    make_clip(path, width=64, height=48, frames=6, options={"crf": "10"})
    return str(path)


@pytest.mark.parametrize("name", ["fast-x2", "lanczos-x2", "scale, bicubic", "onnxruntime"])
def test_contenders_enlarge_every_frame(name: str, clip: str) -> None:
    job = CONTENDERS[name].make("")
    first, *others = job.luma(clip, 4)
    assert len(others) == 3
    assert first.shape == (96, 128)
    (plain, *_) = CONTENDERS["scale, lanczos"].make("").luma(clip, 1)
    assert psnr(first, plain) > 24
    cost = job.run(clip, 30.0)
    assert cost.frames == 6
    assert cost.fps > 0


def test_a_loop_ends_when_its_time_is_up(clip: str) -> None:
    assert CONTENDERS["scale, bicubic"].make("").run(clip, 0.0).frames == 5


@pytest.mark.torch
def test_torch_and_onnxruntime_loops_compute_the_same_network(clip: str) -> None:
    pytest.importorskip("torch")
    pairs = zip(*(CONTENDERS[name].make("").luma(clip, 3) for name in ("torch", "onnxruntime", "live-x2")), strict=True)
    for torch, onnxruntime, ours in pairs:
        assert np.abs(torch.astype(int) - onnxruntime).max() <= 1
        assert psnr(torch, ours) > 38


def test_what_is_absent_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lacks("numpy")("") is None
    assert lacks("numpy", "no_such_package")("") == "not installed: no_such_package"
    monkeypatch.delattr(cv2, "dnn_superres", raising=False)
    assert "opencv-contrib-python" in str(lacks_superres("model.pb"))
    monkeypatch.setattr(cv2, "dnn_superres", object(), raising=False)
    assert "FSRCNN_x2.pb" in str(lacks_superres(""))
    assert lacks_superres("model.pb") is None


def test_rounds_become_a_row_or_a_reason() -> None:
    once = {"frames": 10, "wall_seconds": 2.0, "cpu_seconds": 3.0, "psnr": 34.0}
    again = {"frames": 20, "wall_seconds": 2.0, "cpu_seconds": 3.0, "psnr": None}
    found = summarize([once, again])
    assert found["fps"] == {"median": 7.5, "min": 5.0, "max": 10.0}
    assert found["frames"] == 30
    assert found["psnr"] == 34.0
    assert summarize([once, {"reason": "it failed"}]) == {"reason": "it failed"}
