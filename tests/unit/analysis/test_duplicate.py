"""Equal means equal in every sample of every plane."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from streamsr.analysis.duplicate import same_picture
from streamsr.frame import Frame
from streamsr.layout import pixel_layout


def make(seed: int, pts: int = 0, strided: bool = False) -> Frame:
    layout = pixel_layout("yuv420p")
    rng = np.random.default_rng(seed)
    planes = [rng.integers(0, 256, shape, np.uint8) for shape in layout.plane_shapes(70, 50)]
    if strided:
        planes = [np.pad(plane, ((0, 0), (0, 9)))[:, :-9] for plane in planes]
    return Frame(tuple(planes), layout, pts, Fraction(1, 25))


def test_time_and_strides_do_not_matter() -> None:
    assert same_picture(make(1), make(1, pts=7, strided=True))


def test_other_pictures_differ() -> None:
    assert not same_picture(make(1), make(2))


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_a_single_sample_off_the_coarse_rows_counts(plane: int) -> None:
    a, b = make(1), make(1)
    changed = b.planes[plane].copy()
    changed[-1, -1] ^= 1
    planes = tuple(changed if i == plane else p for i, p in enumerate(b.planes))
    assert not same_picture(a, Frame(planes, b.layout, 0, b.time_base))


def test_layouts_and_sizes_must_agree() -> None:
    a = make(1)
    gray = Frame((a.planes[0],), pixel_layout("gray"), 0, a.time_base)
    assert not same_picture(a, gray)
    smaller = Frame((a.planes[0][:-2],), pixel_layout("gray"), 0, a.time_base)
    assert not same_picture(gray, smaller)
