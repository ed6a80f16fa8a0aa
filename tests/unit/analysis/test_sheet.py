from __future__ import annotations

import numpy as np

from streamsr.analysis.sheet import GAP, HEAD, WHITE, caption, contact_sheet


def test_pictures_stand_in_rows_under_their_names() -> None:
    pictures = {str(level): np.full((20, 30, 3), level, np.uint8) for level in (10, 20, 30)}
    sheet = contact_sheet(pictures, 2)
    tall, wide = HEAD + 20 + GAP, 30 + GAP
    assert sheet.shape == (2 * tall, 2 * wide, 3)
    for index, picture in enumerate(pictures.values()):
        top, left = index // 2 * tall, index % 2 * wide
        np.testing.assert_array_equal(sheet[top + HEAD : top + HEAD + 20, left : left + 30], picture)
        assert sheet[top : top + HEAD, left : left + 30].min() < 100, "the caption"
        assert (sheet[top : top + tall, left + 30 : left + wide] == WHITE).all()
    assert (sheet[tall:, wide:] == WHITE).all(), "there is no fourth"


def test_one_picture_may_have_more_columns_than_it_needs() -> None:
    assert contact_sheet({"one": np.zeros((5, 40, 3), np.uint8)}, 7).shape == (HEAD + 5 + GAP, 40 + GAP, 3)


def test_a_caption_is_cut_off_where_it_ends() -> None:
    text = caption("a very long name indeed", 40)
    assert text.shape == (HEAD, 40, 3)
    assert (text[:, 2:] < 100).any()
