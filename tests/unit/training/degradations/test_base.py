"""What holds for every piece, and how they follow one another."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import get_type_hints

import numpy as np
import pytest

from streamsr.errors import ConfigError, UnknownNameError
from streamsr.training.degradations import DEGRADATIONS, Degradation, degrade
from streamsr.training.degradations.bicubic import Bicubic
from streamsr.training.degradations.blur import Blur
from streamsr.training.degradations.codec import Codec
from streamsr.training.degradations.jpeg import Jpeg
from streamsr.training.degradations.noise import Noise
from streamsr.training.degradations.resize import Resize, ResizeTo
from streamsr.training.degradations.sinc import Sinc

NAMES = sorted(DEGRADATIONS)


@pytest.mark.parametrize("name", NAMES)
def test_every_piece_keeps_the_frames_and_leaves_its_input_alone(name: str, clip: np.ndarray) -> None:
    piece = DEGRADATIONS.load(name)()
    before = clip.copy()
    made = piece(clip, np.random.default_rng(3))
    assert made.dtype == np.uint8
    assert made.shape[0] == len(clip)
    assert made.shape[3] == 3
    np.testing.assert_array_equal(clip, before)
    assert made.shape != clip.shape or (made != clip).any()
    np.testing.assert_array_equal(made, piece(clip, np.random.default_rng(3)))


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"noise", "codec"}))
def test_all_frames_suffer_the_same(name: str, clip: np.ndarray) -> None:
    still = np.repeat(clip[:1], 3, axis=0)
    for seed in range(5):
        made = DEGRADATIONS.load(name)()(still, np.random.default_rng(seed))
        assert (made == made[:1]).all()


@pytest.mark.parametrize("name", NAMES)
def test_pieces_are_frozen_tables_of_plain_values(name: str) -> None:
    kind = DEGRADATIONS.load(name)
    piece = kind()
    assert isinstance(piece, Degradation)
    with pytest.raises(FrozenInstanceError):
        piece.chance = 0.5
    hints = get_type_hints(kind)
    for field in fields(kind):
        assert isinstance(getattr(piece, field.name), float | int | tuple), f"{name}.{field.name}: {hints[field.name]}"


@pytest.mark.parametrize("name", NAMES)
def test_chance(name: str, clip: np.ndarray) -> None:
    assert DEGRADATIONS.load(name)(chance=0.0)(clip, np.random.default_rng(0)) is clip
    with pytest.raises(ConfigError, match="chance is 2"):
        DEGRADATIONS.load(name)(chance=2)


def test_chance_is_a_share_of_the_clips(clip: np.ndarray, rng: np.random.Generator) -> None:
    piece = Jpeg(chance=0.3)
    tiny = clip[:1, :8, :8]
    done = sum(piece(tiny, rng) is not tiny for _ in range(400))
    assert 90 < done < 150


def test_unknown_names_are_told_apart() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'noise'"):
        DEGRADATIONS.load("noize")


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (Bicubic, {"scale": 0}, "scale is 0"),
        (ResizeTo, {"scale": 0}, "scale is 0"),
        (ResizeTo, {"filters": ()}, "filters"),
        (Resize, {"factor": (0.5, 0.9)}, "factor"),
        (Resize, {"factor": (1.5, 0.5)}, "factor"),
        (Resize, {"shrink": 0.7, "enlarge": 0.5}, "together"),
        (Resize, {"filters": ("nearest",)}, "area, bilinear, bicubic, lanczos"),
        (Blur, {"size": (8, 21)}, "odd"),
        (Blur, {"sigma": (0.0, 3.0)}, "sigma"),
        (Blur, {"generalized": 0.6, "plateau": 0.6}, "together"),
        (Sinc, {"cutoff": (1.0, 4.0)}, "cutoff"),
        (Noise, {"sigma": (3.0, 1.0)}, "sigma"),
        (Noise, {"gray": -0.1}, "gray"),
        (Jpeg, {"quality": (0, 95)}, "quality"),
        (Codec, {"crf": (18.0, 60.0)}, "crf"),
        (Codec, {"encoders": ()}, "at least one"),
        (Codec, {"tail": -1}, "tail"),
    ],
)
def test_impossible_values(kind: type[Degradation], arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        kind(**arguments)


def test_a_whole_chain_ends_at_the_exact_fraction(clip: np.ndarray) -> None:
    pieces = [Blur(), Resize(), Noise(), Jpeg(), Resize(factor=(0.3, 1.2)), ResizeTo(2), Codec()]
    for seed in range(3):
        made = degrade(clip, pieces, np.random.default_rng(seed))
        assert made.shape == (5, 36, 48, 3)
        np.testing.assert_array_equal(made, degrade(clip, pieces, np.random.default_rng(seed)))


def test_no_pieces_change_nothing(clip: np.ndarray, rng: np.random.Generator) -> None:
    assert degrade(clip, [], rng) is clip
