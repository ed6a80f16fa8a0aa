"""At which sizes motion is sought."""

from __future__ import annotations

import pytest

from streamsr.blending import flow_division, pyramid_levels


@pytest.mark.parametrize(
    ("size", "division", "levels"),
    [
        ((1, 1), 2, 1),
        ((16, 16), 2, 1),
        ((426, 240), 2, 3),
        ((640, 360), 2, 4),
        ((1280, 720), 2, 5),
        ((1920, 1080), 4, 5),
    ],
)
def test_motion_is_sought_from_half_the_size_down_to_a_few_pixels(
    size: tuple[int, int], division: int, levels: int
) -> None:
    assert flow_division(*size) == division
    width, height = (-(-side // division) for side in size)
    assert pyramid_levels(width, height) == pyramid_levels(height, width) == levels
