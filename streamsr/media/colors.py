"""FFmpeg's colour enumerations, by name. The integers are those of ITU-T H.273; they stay inside `media`."""

from __future__ import annotations

from typing import Final

import av

from ..color import UNKNOWN, Color

_MATRICES = "gbr bt709 unknown reserved fcc bt470bg smpte170m smpte240m ycgco bt2020nc bt2020c smpte2085"
_MATRICES += " chroma-derived-nc chroma-derived-c ictcp ipt-c2 ycgco-re ycgco-ro"
_PRIMARIES = "reserved bt709 unknown reserved bt470m bt470bg smpte170m smpte240m film bt2020 smpte428 smpte431 smpte432"
_TRANSFERS = "reserved bt709 unknown reserved bt470m bt470bg smpte170m smpte240m linear log100 log316 iec61966-2-4"
_TRANSFERS += " bt1361e iec61966-2-1 bt2020-10 bt2020-12 smpte2084 smpte428 arib-std-b67"


def _numbered(names: str) -> dict[str, int]:
    return {name: number for number, name in enumerate(names.split()) if name != "reserved"}


CODES: Final[dict[str, dict[str, int]]] = {
    "matrix": _numbered(_MATRICES),
    "range": _numbered("unknown tv pc"),
    "primaries": {**_numbered(_PRIMARIES), "ebu3213": 22},
    "transfer": _numbered(_TRANSFERS),
    "siting": _numbered("unknown left center topleft top bottomleft bottom"),
}
"""For each field of `Color`: every name FFmpeg knows, and its number."""

_NAMES = {field: {code: name for name, code in codes.items()} for field, codes in CODES.items()}


def color_name(field: str, code: int) -> str:
    """FFmpeg's name for a number of `field` (a field of `Color`); `unknown` for reserved and unlisted ones."""
    return _NAMES[field].get(int(code), UNKNOWN)


def color_code(field: str, name: str) -> int:
    """The number of a name; of one FFmpeg does not know, the number that says so."""
    codes = CODES[field]
    return codes.get(name, codes[UNKNOWN])


def read_color(tagged: av.VideoFrame | av.VideoCodecContext, siting: str = UNKNOWN) -> Color:
    """The colour a frame or a codec context declares. PyAV tells no siting: see `siting.measure_siting`."""
    return Color(
        matrix=color_name("matrix", tagged.colorspace),
        range=color_name("range", tagged.color_range),
        primaries=color_name("primaries", tagged.color_primaries),
        transfer=color_name("transfer", tagged.color_trc),
        siting=siting,
    )


def write_color(tagged: av.VideoFrame | av.VideoCodecContext, color: Color) -> None:
    """Declare `color` on a frame or an encoder; the siting goes to an encoder as option `chroma_sample_location`."""
    tagged.colorspace = color_code("matrix", color.matrix)
    tagged.color_range = color_code("range", color.range)
    tagged.color_primaries = color_code("primaries", color.primaries)
    tagged.color_trc = color_code("transfer", color.transfer)
