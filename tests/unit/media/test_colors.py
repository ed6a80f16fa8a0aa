from __future__ import annotations

import av
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc

from streamsr.color import Color
from streamsr.media.colors import CODES, color_code, color_name, read_color, write_color


def test_numbers_are_those_of_ffmpeg() -> None:
    assert color_code("transfer", "smpte2084") == ColorTrc.SMPTE2084
    assert color_code("transfer", "arib-std-b67") == ColorTrc.ARIB_STD_B67
    assert color_code("transfer", "bt2020-12") == ColorTrc.BT2020_12
    assert color_code("primaries", "bt2020") == ColorPrimaries.BT2020
    assert color_code("primaries", "smpte432") == ColorPrimaries.SMPTE432
    assert color_code("primaries", "ebu3213") == ColorPrimaries.EBU3213
    assert (color_code("range", "tv"), color_code("range", "pc")) == (ColorRange.MPEG, ColorRange.JPEG)
    assert (color_code("matrix", "gbr"), color_code("matrix", "bt2020nc"), color_code("matrix", "ictcp")) == (0, 9, 14)


def test_names_that_are_reserved_or_new_are_unknown() -> None:
    assert color_name("matrix", 3) == color_name("primaries", 0) == color_name("transfer", 255) == "unknown"
    assert color_code("primaries", "from the future") == 2


@pytest.mark.parametrize("field", ["matrix", "range", "primaries", "transfer"])
def test_every_name_survives_a_frame(field: str) -> None:
    for name in CODES[field]:
        frame = av.VideoFrame(16, 16, "yuv420p")
        write_color(frame, Color(**{field: name}))
        assert read_color(frame) == Color(**{field: name})
