from __future__ import annotations

import numpy as np
import pytest

from streamsr.errors import ConfigError, EncodeError, UnknownNameError
from streamsr.layout import pixel_layout
from streamsr.media.codec_roundtrip import ENCODERS, Compression, code_clip
from tests.clips import picture

RGB = pixel_layout("rgb24")


def moving(frames: int = 6, width: int = 64, height: int = 48) -> np.ndarray:
    return np.stack([picture(index, width, height, RGB)[0] for index in range(frames)])


def mean_psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(a.astype(float) - b).mean()))


@pytest.mark.parametrize("codec", ENCODERS)
def test_one_key_frame_and_all_frames_in_order(codec: str) -> None:
    clip = moving()
    coded = code_clip(clip, Compression(codec, 12))
    assert coded.frames.shape == clip.shape
    assert coded.keys == (True, *[False] * 5)
    assert coded.kinds[0] == "I"
    assert set(coded.kinds[1:]) <= {"P", "B"}
    scores = [[mean_psnr(a, b) for b in clip] for a in coded.frames]
    assert np.argmax(scores, axis=1).tolist() == list(range(6))
    assert np.diagonal(scores).min() > 28


def test_luma_is_the_decoders() -> None:
    """By BT.601, limited range, from the RGB that comes with it, but for its own rounding and clipping."""
    coded = code_clip(moving(), Compression("libx264", 10))
    weights = np.array([65.481, 128.553, 24.966]) / 255
    inside = ((coded.frames > 0) & (coded.frames < 255)).all(-1)
    assert np.abs(coded.frames @ weights + 16 - coded.luma)[inside].max() < 1.6


@pytest.mark.parametrize("matrix", ["smpte170m", "bt709"])
def test_colour_comes_back(matrix: str) -> None:
    clip = np.broadcast_to(np.array([200, 60, 90], np.uint8), (3, 32, 48, 3))
    coded = code_clip(clip, Compression("libx264", 10, matrix=matrix))
    assert np.abs(coded.frames.astype(int) - clip).max() <= 3


def test_crf_and_preset_reach_the_encoder() -> None:
    clip = moving()
    sizes = [code_clip(clip, Compression("libx264", crf, "medium")).size for crf in (16, 24, 34)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1.5 * sizes[2]
    assert code_clip(clip, Compression("libx264", 24, "ultrafast")).kinds == "IPPPPP"


def test_a_scene_cut_makes_no_key_frame() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 48, 64, 3), dtype=np.uint8)
    for codec in ENCODERS:
        coded = code_clip(np.concatenate([moving(4), noise]), Compression(codec, 30))
        assert sum(coded.keys) == 1, codec


@pytest.mark.parametrize("size", [(47, 64), (48, 63), (33, 35), (5, 6)])
@pytest.mark.parametrize("codec", ENCODERS)
def test_odd_sizes(codec: str, size: tuple[int, int]) -> None:
    clip = moving()[:, : size[0], : size[1]]
    coded = code_clip(clip, Compression(codec, 12))
    assert coded.frames.shape == clip.shape
    assert coded.luma.shape == clip.shape[:3]
    assert mean_psnr(coded.frames, clip) > 28


@pytest.mark.parametrize("codec", ENCODERS)
def test_the_same_clip_gives_the_same_bytes(codec: str) -> None:
    """Again and again, whatever was in memory before: x264 did not, at a width of 228, nor x265 at 64."""
    clip = moving(6, 228, 100)
    made = {code_clip(clip, Compression(codec, 12)).luma.tobytes() for _ in range(6)}
    assert len(made) == 1
    assert len({code_clip(moving(), Compression(codec, 12)).luma.tobytes() for _ in range(6)}) == 1


def test_what_encoders_do_not_take() -> None:
    with pytest.raises(UnknownNameError, match="libvpx-vp9"):
        Compression("libvpx")
    with pytest.raises(ConfigError, match="takes 0 to 63"):
        Compression("libvpx-vp9", 70)
    with pytest.raises(UnknownNameError, match="medium"):
        Compression("libx264", 23, "medum")
    with pytest.raises(EncodeError, match="libx264 failed on a clip of 20000x2"):
        code_clip(np.zeros((1, 2, 20000, 3), np.uint8), Compression("libx264", 28))
