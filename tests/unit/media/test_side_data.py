from __future__ import annotations

import struct
from fractions import Fraction

import pytest

from streamsr.color import ContentLight
from streamsr.media.side_data import content_light, display_matrix, mastering_display, rotation_degrees

W = 1 << 30
IDENTITY = (65536, 0, 0, 0, 65536, 0, 0, 0, W)


def matrix(*numbers: int) -> tuple[int, ...] | None:
    return display_matrix({"DISPLAYMATRIX": struct.pack("=9i", *numbers)})


def test_identity_and_nonsense_are_no_matrix() -> None:
    assert matrix(*IDENTITY) is None
    assert matrix(2 * 65536, 0, 0, 0, 3 * 65536, 0, 0, 0, W) is None
    assert matrix(0, 0, 0, 0, 0, 0, 0, 0, 0) is None
    assert display_matrix({"DISPLAYMATRIX": b"short"}) is None
    assert display_matrix({}) is None


@pytest.mark.parametrize(("first_row", "degrees"), [((0, 1), 90), ((-1, 0), 180), ((0, -1), 270)])
def test_rotations_lose_scale_and_translation(first_row: tuple[int, int], degrees: int) -> None:
    a, b = (65536 * value for value in first_row)
    normal = (a, b, 0, -b, a, 0, 0, 0, W)
    assert matrix(3 * a, 3 * b, 0, -3 * b, 3 * a, 0, 480 * 65536, 17, W) == normal
    assert rotation_degrees(normal) == degrees


def test_a_mirror_stays_a_mirror() -> None:
    mirrored = (-65536, 0, 0, 0, 65536, 0, 0, 0, W)
    assert matrix(*mirrored) == mirrored
    assert rotation_degrees(None) == 0


def mastering(has_primaries: int = 1, has_luminance: int = 1, denominator: int = 50000) -> bytes:
    pairs = [(n, denominator) for n in (35400, 14600, 8500, 39850, 6550, 2300, 15635, 16450)] + [(1, 10000), (1000, 1)]
    return struct.pack("=22i", *(n for pair in pairs for n in pair), has_primaries, has_luminance)


def test_mastering_display() -> None:
    display = mastering_display({"MASTERING_DISPLAY_METADATA": mastering()})
    assert display is not None
    assert display.red == (Fraction(177, 250), Fraction(73, 250))
    assert (display.min_luminance, display.max_luminance) == (Fraction(1, 10000), 1000)
    for incomplete in (
        mastering(has_primaries=0),
        mastering(has_luminance=0),
        mastering(denominator=0),
        b"",
        b"x" * 40,
    ):
        assert mastering_display({"MASTERING_DISPLAY_METADATA": incomplete}) is None


def test_content_light() -> None:
    assert content_light({"CONTENT_LIGHT_LEVEL": struct.pack("=2I", 1000, 0)}) == ContentLight(1000, 0)
    assert content_light({"CONTENT_LIGHT_LEVEL": struct.pack("=2I", 0, 0)}) is None
    assert content_light({}) is None
