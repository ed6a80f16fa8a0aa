from __future__ import annotations

import numpy as np
import pytest

from streamsr.analysis.motion import Dis, Flow, visible, warp


def texture(rows: int, columns: int) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns]
    return (127 + 60 * np.sin(x / 3) + 60 * np.cos(y / 4 + x / 11)).astype(np.uint8)


def constant(rows: int, columns: int, x: float, y: float) -> Flow:
    return np.broadcast_to(np.array([x, y], np.float32), (rows, columns, 2)).copy()


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
def test_a_pan_is_found(preset: str) -> None:
    large = texture(80, 100)
    flow = Dis(preset)(large[10:70, 10:90], large[8:68, 13:93])
    inner = flow[12:-12, 12:-12]
    assert np.abs(inner - np.array([-3, 2])).mean() < 0.2


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (8, 64), (12, 64), (17, 100), (300, 9), (16, 16)])
def test_pictures_of_any_size_have_a_flow(size: tuple[int, int]) -> None:
    """OpenCV's own search damages memory at some of these."""
    picture = texture(*size)
    for preset in ("ultrafast", "medium"):
        flow = Dis(preset)(picture, picture)
        assert flow.shape == (*size, 2)
        assert np.isfinite(flow).all()


def test_warping_by_whole_pixels_is_exact_and_repeats_the_border() -> None:
    picture = np.random.default_rng(0).random((9, 12, 3), dtype=np.float32)
    moved = warp(picture, constant(9, 12, 2, -1))
    assert np.array_equal(moved[1:, :-2], picture[:-1, 2:])
    assert np.array_equal(moved[1:, -1], picture[:-1, -1])
    assert np.array_equal(moved[0, :-2], picture[0, 2:])
    halfway = warp(picture, constant(9, 12, 0.5, 0))
    assert np.allclose(halfway[:, :-1], (picture[:, :-1] + picture[:, 1:]) / 2, atol=1e-6)


def test_everything_stays_visible_in_a_pan() -> None:
    assert visible(constant(20, 30, 3, -2), constant(20, 30, -3, 2)).all()


def test_a_moving_square_hides_what_it_moves_over() -> None:
    """It goes six to the right: six columns are hidden there, and what moves is parted from what does not."""
    there, back = constant(40, 60, 0, 0), constant(40, 60, 0, 0)
    there[10:30, 20:35] = 6, 0
    back[10:30, 26:41] = -6, 0
    seen = visible(there, back)
    assert not seen[10:30, 35:41].any(), "covered"
    assert not seen[10:30, 34].any(), "the right border of the square, where the flow steps"
    inside, outside = seen[11:29, 21:34], seen[:, 42:]
    assert inside.all()
    assert outside.all()
    uncovered = ~visible(back, there)
    assert uncovered[10:30, 20:26].all()
    assert not uncovered[11:29, 27:40].any()


def test_the_mask_is_the_published_one() -> None:
    """Against the inequalities written out pixel by pixel, for flows of quarter pixels that lead nowhere outside."""
    rng = np.random.default_rng(3)
    rows, columns = 24, 30
    there, back = (np.round(rng.normal(0, 1.2, (rows, columns, 2)) * 4).astype(np.float32) / 4 for _ in range(2))
    seen = visible(there, back)
    checked = 0
    for y in range(6, rows - 6):
        for x in range(6, columns - 6):
            w = there[y, x].astype(float)
            left, top = int(np.floor(x + w[0])), int(np.floor(y + w[1]))
            a, b = x + w[0] - left, y + w[1] - top
            corners = back[top : top + 2, left : left + 2].astype(float)
            r = np.einsum("i,j,ijc->c", [1 - b, b], [1 - a, a], corners)
            hidden = ((w + r) ** 2).sum() > 0.01 * ((w**2).sum() + (r**2).sum()) + 0.5
            slope = ((there[y, x + 1] - w) ** 2).sum() + ((there[y + 1, x] - w) ** 2).sum()
            assert seen[y, x] == (not hidden and slope <= 0.01 * (w**2).sum() + 0.002)
            checked += not hidden
    assert checked > 20
