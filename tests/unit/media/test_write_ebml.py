"""The shape of pixels in Matroska, where the codec does not tell it."""

from __future__ import annotations

import zlib
from fractions import Fraction
from pathlib import Path

import av
import pytest

from streamsr.media.ebml import set_display_size
from streamsr.media.options import WriteOptions
from streamsr.media.sink import FileSink
from tests.clips import make_clip
from tests.muxes import decoded, frames, info_of, samples, times, transcode, write


@pytest.mark.parametrize("sar", [Fraction(16, 11), Fraction(8, 9), Fraction(4, 1)])
@pytest.mark.parametrize("name", ["a.webm", "a.mkv"])
def test_sample_aspect_ratio_of_av1_and_vp9(tmp_path: Path, name: str, sar: Fraction) -> None:
    info, made = frames("yuv420p", 3, width=720, height=480, sar=sar)
    codec = "libsvtav1" if name == "a.webm" else "libvpx-vp9"
    write(FileSink(tmp_path / name, WriteOptions(codec=codec, crf=60)), info, made)
    assert abs(info_of(tmp_path / name).sar - sar) < Fraction(1, 1000)
    assert times(tmp_path / name) == [Fraction(n, 25) for n in range(3)]


def test_only_the_shape_changes(tmp_path: Path) -> None:
    chapters = [(0.0, 0.2, "a"), (0.2, 0.4, "b")]
    make_clip(
        tmp_path / "in.mkv", audio=2, subtitles=True, chapters=chapters, attachments=[("f", "font/ttf", b"x" * 999)]
    )
    transcode(tmp_path / "in.mkv", tmp_path / "out.mkv")
    before = (tmp_path / "out.mkv").read_bytes()
    packets = samples(tmp_path / "out.mkv")
    assert set_display_size(tmp_path / "out.mkv", 1234, 567)
    after = (tmp_path / "out.mkv").read_bytes()
    assert len(after) == len(before)
    assert samples(tmp_path / "out.mkv") == packets
    with av.open(str(tmp_path / "out.mkv")) as out:
        assert out.streams.video[0].sample_aspect_ratio == Fraction(1234 * 48, 567 * 64)
        assert len(out.chapters()) == 2
        assert out.streams.attachments[0].data == b"x" * 999
        out.seek(400_000)
        assert next(out.decode(video=0)).pts is not None
    assert len(list(decoded(tmp_path / "out.mkv"))) == 12


def test_without_room_nothing_is_touched(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mkv")
    before = (tmp_path / "a.mkv").read_bytes()
    assert not set_display_size(tmp_path / "a.mkv", 1 << 8 * 100, 1)
    assert (tmp_path / "a.mkv").read_bytes() == before


def test_check_sums_are_right_again(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mkv")
    assert set_display_size(tmp_path / "a.mkv", 100, 50)
    data = (tmp_path / "a.mkv").read_bytes()
    for name in (b"\x11\x4d\x9b\x74", b"\x16\x54\xae\x6b", b"\x15\x49\xa9\x66"):
        at = data.index(name, 48 if name[0] != 0x11 else 0)
        at = data.index(name, at + 1) if data[at - 3 : at] == b"\x53\xab\x84" else at
        (start, size), seal = _content(data, at + 4), b"\xbf\x84"
        assert data[start : start + 2] == seal
        assert int.from_bytes(data[start + 2 : start + 6], "little") == zlib.crc32(data[start + 6 : start + size])


def _content(data: bytes, at: int) -> tuple[int, int]:
    length = 9 - data[at].bit_length()
    return at + length, int.from_bytes(data[at : at + length]) & ((1 << 7 * length) - 1)
