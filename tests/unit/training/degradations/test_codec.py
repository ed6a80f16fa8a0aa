from __future__ import annotations

import numpy as np
import pytest

from streamsr.errors import EncodeError
from streamsr.training.degradations.codec import Codec
from streamsr.training.metrics import luma, psnr

from .conftest import textured


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libvpx-vp9"])
def test_the_last_frame_is_predicted_and_the_first_alone_is_a_key(encoder: str, clip: np.ndarray) -> None:
    piece = Codec(encoders=(encoder,))
    for seed in range(3):
        rng = np.random.default_rng(seed)
        rng.random()  # what `__call__` draws for its chance
        coded = piece.coded(clip, rng)
        assert coded.keys[: len(clip)] == (True, False, False, False, False)
        assert coded.kinds[len(clip) - 1] in "PB"
        np.testing.assert_array_equal(coded.frames[: len(clip)], piece(clip, np.random.default_rng(seed)))


def test_every_frame_is_the_frame_it_was_and_quality_falls_with_crf(clip: np.ndarray) -> None:
    """Frames move, so a frame out of place is far from its original."""
    means = []
    for crf in (18.0, 26.0, 34.0):
        made = Codec(crf=(crf, crf))(clip, np.random.default_rng(0))
        scores = [[psnr(luma(a), luma(b)) for b in clip] for a in made]
        assert np.argmax(scores, axis=1).tolist() == list(range(len(clip)))
        means.append(np.mean(np.diagonal(scores)))
    assert means[0] > means[1] + 2 > means[2] + 4


def test_encoders_agree_on_what_crf_means(clip: np.ndarray) -> None:
    """Their own scales differ by up to 2:1; here all are x264's."""
    quality = {}
    for encoder in ("libx264", "libx265", "libvpx-vp9"):
        made = Codec(encoders=(encoder,), crf=(26.0, 26.0), presets=("medium",))(clip, np.random.default_rng(0))
        quality[encoder] = np.mean([psnr(luma(a), luma(b)) for a, b in zip(made, clip, strict=True)])
    assert max(quality.values()) - min(quality.values()) < 4


def test_the_tail_lets_the_last_frame_be_a_b_frame() -> None:
    picture = textured(112, 180)
    clip = np.stack([picture[:96, 14 - 2 * index : 142 - 2 * index] for index in range(8)])

    def last(tail: int) -> str:
        return "".join(Codec(tail=tail).coded(clip, np.random.default_rng(seed)).kinds[7] for seed in range(4))

    assert last(0) == "PPPP"
    assert last(3) == "BBBB"


def test_draws_reach_every_encoder_preset_and_matrix(clip: np.ndarray, rng: np.random.Generator) -> None:
    piece = Codec(
        encoders=("libx264", "libvpx-vp9"),
        presets=("ultrafast", "medium"),
        matrices=("smpte170m", "bt709"),
        crf=(30.0, 30.0),
    )
    small = clip[:, :48, :64]
    made = {piece(small, rng).tobytes() for _ in range(60)}
    assert len(made) == 2 * 2 + 2  # the preset is x264's alone


def test_a_clip_of_one_frame_is_a_key_frame(clip: np.ndarray, rng: np.random.Generator) -> None:
    coded = Codec().coded(clip[:1], rng)
    assert coded.keys == (True,)


def test_the_encoder_refuses(rng: np.random.Generator) -> None:
    with pytest.raises(EncodeError, match="libx264 failed"):
        Codec()(np.zeros((1, 2, 20000, 3), np.uint8), rng)
