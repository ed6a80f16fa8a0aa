"""The smoother's flow finds motions that are known, and rests where there is nothing to see."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from streamsr.analysis.flow import FlowPlanes, box, enlarged, followed, lucas_kanade, shrunk
from tests.flicker import luma_of, scene


def unit(rgb: np.ndarray) -> np.ndarray:
    return luma_of(rgb).astype(np.float32) / 255


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.4, -0.7), (-3.0, 1.5), (6.0, 5.0)])
def test_a_moved_picture_is_followed(shift: tuple[float, float]) -> None:
    before = unit(scene(140, 180))
    to = np.float32([[1, 0, shift[0]], [0, 1, shift[1]]])
    now = cv2.warpAffine(before, to, (180, 140), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=1)
    inner = np.s_[20:-20, 20:-20]
    for once in lucas_kanade(now, before), lucas_kanade(np.ascontiguousarray(now.T), np.ascontiguousarray(before.T)):
        error = np.hypot(once.x[inner] - shift[0], once.y[inner] - shift[1])
        assert np.median(error) < 0.1, "one of the two orders of the axes"
        shift = shift[::-1]


def test_the_flow_explains_most_of_the_change() -> None:
    before = unit(scene(120, 160))
    zoom = cv2.getRotationMatrix2D((80, 60), 1.5, 1.02)
    now = cv2.warpAffine(before, zoom, (160, 120), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    left = np.mean((now - followed(before, lucas_kanade(now, before))) ** 2)
    assert left < 0.02 * np.mean((now - before) ** 2)


def test_nothing_moves_where_there_is_nothing_to_see() -> None:
    random = np.random.default_rng(0)
    flat = [np.float32(0.5) + random.normal(0, 0.004, (90, 120)).astype(np.float32) for _ in range(2)]
    flow = lucas_kanade(*flat)
    assert np.abs([flow.x, flow.y]).max() < 0.1


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (8, 8), (16, 16), (37, 23), (100, 7)])
def test_any_size(size: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    pair = [random.random(size, np.float32) for _ in range(2)]
    flow = lucas_kanade(*pair)
    assert flow.x.shape == flow.y.shape == size
    assert np.isfinite([flow.x, flow.y]).all()


def test_following_is_sampling() -> None:
    picture = np.arange(48, dtype=np.float32).reshape(6, 8)
    right = FlowPlanes(np.full((6, 8), 1.25, np.float32), np.full((6, 8), -1, np.float32))
    moved = followed(picture, right)
    assert moved[3, 2] == pytest.approx(picture[2, 3] + 0.25)
    assert moved[0, 7] == picture[0, 7], "beyond the border is the border"
    pairs = followed(np.dstack([picture, -picture]), right)
    np.testing.assert_array_equal(pairs[..., 0], moved)
    np.testing.assert_array_equal(pairs[..., 1], -moved)


def test_sizes_round_up() -> None:
    picture = np.arange(15, dtype=np.float32).reshape(3, 5)
    small = shrunk(picture, 2)
    assert small.tolist() == [[3, 5, 6.5], [10.5, 12.5, 14]], "means of 2 x 2, the border repeated"
    assert enlarged(small, 2, 2, (3, 5)).shape == (3, 5)
    assert enlarged(np.ones((5, 5), np.float32), 0.5, 1, (5, 3)).shape == (5, 3), "chroma coarser than the flow"


def test_motion_grows_with_the_picture() -> None:
    flow = FlowPlanes(np.full((4, 4), 0.5, np.float32), np.full((4, 4), -1.5, np.float32))
    large = flow.enlarged(4, 2, (7, 15))
    assert large.x.shape == large.y.shape == (7, 15)
    assert np.unique(large.x) == [2]
    assert np.unique(large.y) == [-3]


def test_boxes_repeat_the_border() -> None:
    corner = np.zeros((4, 4), np.float32)
    corner[0, 0] = 9
    assert box(corner, 3)[0, 0] == pytest.approx(4)
