from __future__ import annotations

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamsr.analysis.cut import CutDetector
from streamsr.analysis.luma import luma_plane
from streamsr.media.open import open_source
from streamsr.media.read_options import ReadOptions


def scene(seed: int, rows: int = 90, columns: int = 160) -> np.ndarray:
    noise = np.random.default_rng(seed).random((rows, columns), dtype=np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 5)
    return cv2.normalize(smooth, None, 20, 235, cv2.NORM_MINMAX).astype(np.uint8)


def cuts(frames: list[np.ndarray]) -> list[int]:
    is_cut = CutDetector()
    return [index for index, frame in enumerate(frames) if is_cut(frame)]


@pytest.mark.parametrize("gain", [1.0, 0.4])
def test_another_scene_is_a_cut_in_bright_and_in_dark(gain: float) -> None:
    first, second = (scene(seed, 120, 200) for seed in (1, 2))
    frames = [first[10:100, i : i + 160] for i in range(5)] + [second[i : i + 90, 10:170] for i in range(5)]
    assert cuts([(frame * gain).astype(np.uint8) for frame in frames]) == [5]


def test_movement_noise_and_fades_are_none() -> None:
    large, rng = scene(1, 200, 300), np.random.default_rng(0)
    pan = [large[4 * i : 4 * i + 90, 6 * i : 6 * i + 160] for i in range(10)]
    assert cuts(pan) == []
    flat = [np.clip(rng.normal(30, 3, (90, 160)), 0, 255).astype(np.uint8) for _ in range(5)]
    assert cuts(flat) == []
    fade = [(pan[0] * (1 - i / 25)).astype(np.uint8) for i in range(26)]
    assert cuts(fade) == []
    assert cuts([np.zeros((90, 160), np.uint8)] * 3) == []


def test_another_size_begins_anew() -> None:
    assert cuts([scene(1), scene(2, 60, 100), scene(2, 60, 100), scene(3, 60, 100)]) == [3]


def test_tiny_pictures() -> None:
    bright, dark = np.full((2, 3), 230, np.uint8), np.full((2, 3), 20, np.uint8)
    assert cuts([bright, bright, dark, dark]) == [2]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("clip", "expected"),
    [("bikes.mp4", [30, 76, 137]), ("rooftop_pan_360p.mp4", [18]), ("flipping_a_pancake.mkv", [])],
)
def test_cuts_of_real_clips(shared_data: Path, clip: str, expected: list[int]) -> None:
    with closing(open_source(shared_data / "videos" / clip, ReadOptions(frames=150, threads=1))) as video:
        assert cuts([luma_plane(frame.planes, frame.layout).copy() for frame in video]) == expected
