"""The data FFmpeg hangs on a decoded frame: display matrix and HDR metadata, as raw bytes and as our types.

Layouts of the C structures: libavutil's `mastering_display_metadata.h` and `display.h`.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, cast

import av
from av.sidedata.sidedata import SideData

from ..color import ContentLight, MasteringDisplay
from .filters import FilterChain

_UNKNOWN_TYPES_MAX = 16
_ONE = 1 << 16
_UNIT_W = 1 << 30


def side_data(frame: av.VideoFrame) -> dict[str, bytes]:
    """Side data of a frame by FFmpeg's name, such as `DISPLAYMATRIX`.

    PyAV refuses all of it when one piece is of a type it does not know (EXIF, stereo views): such pieces are removed.
    """
    for _ in range(_UNKNOWN_TYPES_MAX):
        try:
            pieces: Iterable[SideData] = cast("Any", frame.side_data)  # a container of pieces, typed as a dict
            return {piece.type.name: bytes(piece) for piece in pieces}
        except ValueError as error:
            unknown = re.match(r"(\d+) is not a valid", str(error))
            if unknown is None:
                break
            frame = FilterChain(frame, ("sidedata", f"mode=delete:type={unknown[1]}")).through(frame)
    return {}


def display_matrix(data: dict[str, bytes]) -> tuple[int, ...] | None:
    """The rotation and mirroring a player applies, as nine numbers; None when it shows the picture as stored.

    Scaling (which FFmpeg turns into the sample aspect ratio) and translation are taken out: containers other than MP4
    cannot express them.
    """
    raw = data.get("DISPLAYMATRIX", b"")
    if len(raw) != 36:
        return None
    a, b, _, c, d, *_ = struct.unpack("=9i", raw)
    across, down = math.hypot(a, b), math.hypot(c, d)
    if not across or not down:
        return None
    a, b, c, d = (round(value / length * _ONE) for value, length in ((a, across), (b, across), (c, down), (d, down)))
    matrix = (a, b, 0, c, d, 0, 0, 0, _UNIT_W)
    return None if matrix == (_ONE, 0, 0, 0, _ONE, 0, 0, 0, _UNIT_W) else matrix


def rotation_degrees(matrix: tuple[int, ...] | None) -> int:
    """Degrees clockwise by which players turn the picture, 0 to 359; of a mirrored one, after mirroring."""
    return round(math.degrees(math.atan2(matrix[1], matrix[0]))) % 360 if matrix else 0


def mastering_display(data: dict[str, bytes]) -> MasteringDisplay | None:
    """SMPTE ST 2086 metadata, when both its primaries and its luminance are given."""
    raw = data.get("MASTERING_DISPLAY_METADATA", b"")
    if len(raw) < 88:
        return None
    *numbers, has_primaries, has_luminance = struct.unpack_from("=22i", raw)
    if not has_primaries or not has_luminance or not all(numbers[1::2]):
        return None
    values = [Fraction(n, d) for n, d in zip(numbers[::2], numbers[1::2], strict=True)]
    red, green, blue, white = (tuple(values[i : i + 2]) for i in range(0, 8, 2))
    return MasteringDisplay(red, green, blue, white, values[8], values[9])  # type: ignore[arg-type]  # pairs


def content_light(data: dict[str, bytes]) -> ContentLight | None:
    """CTA-861.3 light levels; None when absent or all zero, which means unknown."""
    raw = data.get("CONTENT_LIGHT_LEVEL", b"")
    if len(raw) < 8:
        return None
    light = ContentLight(*struct.unpack_from("=2I", raw))
    return light if light.max_cll or light.max_fall else None
