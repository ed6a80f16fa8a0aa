"""Every way a file may tell the time, or fail to."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from tests.clips import make_clip
from tests.unit.media.reading import nearest_picture, read


def times(clip: Path) -> list[Fraction]:
    return [frame.time for frame in read(clip)[1]]


VFR = [0, 1, 3, 4, 9, 10, 12, 20, 21, 22, 40, 41]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "nut", "ts"])
@pytest.mark.parametrize("first", [0, 7, 250])
def test_vfr_keeps_every_timestamp(suffix: str, first: int, tmp_path: Path) -> None:
    clip = tmp_path / f"clip.{suffix}"
    ticks = [first + tick for tick in VFR]
    make_clip(clip, codec="libx264", pts=ticks, time_base=Fraction(1, 100), container_options={"muxdelay": "0"})
    start = times(clip)[0] - Fraction(first, 100)
    assert start == 0 or suffix in ("ts", "nut"), "only these two move the whole file"
    assert [time - start for time in times(clip)] == [Fraction(tick, 100) for tick in ticks]


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60)])
def test_constant_rates_are_exact(rate: Fraction, tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", codec="libx264", rate=rate)
    info, frames, _ = read(tmp_path / "clip.mp4")
    assert info.frame_rate == rate
    assert info.frames == 12
    assert info.duration == pytest.approx(12 / rate, abs=0.001)
    assert [frame.time for frame in frames] == [i / rate for i in range(12)]
    assert all(frame.duration is not None and frame.duration * frame.time_base == 1 / rate for frame in frames)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_elementary_streams_without_timestamps(codec: str, tmp_path: Path) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {"bf": "2"}
    form = "hevc" if codec == "libx265" else "h264"
    pictures = make_clip(tmp_path / "clip.bin", codec=codec, format=form, options=options)
    info, frames, _ = read(tmp_path / "clip.bin")
    assert [frame.time for frame in frames] == [Fraction(i, 25) for i in range(12)]
    assert [nearest_picture(frame, pictures) for frame in frames] == list(range(12))
    assert info.frame_rate == 25


def test_avi_with_b_frames_has_its_timestamps_sorted(tmp_path: Path) -> None:
    pictures = make_clip(tmp_path / "clip.avi", codec="libx264", options={"bf": "2", "b-pyramid": "none"})
    _, frames, _ = read(tmp_path / "clip.avi")
    assert [nearest_picture(frame, pictures) for frame in frames] == list(range(12))
    assert {b.time - a.time for a, b in pairwise(frames)} == {Fraction(1, 25)}


def test_disordered_timestamps_of_a_real_file_increase(tmp_path: Path) -> None:
    """Intra-only frames come out as they went in: the composition offsets of a MOV can put any pts on them."""
    path, given = tmp_path / "clip.mov", [0, 1, 2, 5, 4, 5, 6, 9, 8, 9]
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, "yuvj420p", Fraction(1, 25)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=25, width=64, height=48, pix_fmt="yuvj420p")
        for index, pts in enumerate(given):
            (packet,) = encoder.encode(av.VideoFrame(64, 48, "yuvj420p"))
            packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 25), pts, index - 5
            out.mux(packet)
    frames = read(path)[1]
    nudge = Fraction(1, 1000)
    times = [frame.time - frames[0].time for frame in frames]
    assert len(times) == 10
    assert all(b > a for a, b in pairwise(times))
    assert all(abs(time - Fraction(max(given[: i + 1]), 25)) <= 3 * nudge for i, time in enumerate(times))


def test_timestamps_missing_here_and_there_are_filled_in(tmp_path: Path) -> None:
    """A transport stream whose packets carry a pts only now and then, as the standard allows."""
    path = tmp_path / "clip.ts"
    make_clip(path, codec="mpeg2video", options={"bf": "0", "g": "4"}, frames=20)
    data, at, count = bytearray(path.read_bytes()), 0, 0
    while (at := data.find(b"\x00\x00\x01\xe0", at + 1)) >= 0:
        count += 1
        if count % 3:
            data[at + 7] &= 0x3F
    assert count == 20
    path.write_bytes(data)
    times = [frame.time for frame in read(path)[1]]
    assert [time - times[0] for time in times] == [Fraction(i, 25) for i in range(20)]


def test_edit_list_hides_frames_before_the_cut(tmp_path: Path) -> None:
    """A copy that begins between key frames: MP4 stores all of the group, and an edit list that skips its head."""
    pictures = make_clip(tmp_path / "whole.mp4", codec="libx264", frames=30, options={"g": "10", "bf": "2"})
    with av.open(str(tmp_path / "whole.mp4")) as source, av.open(str(tmp_path / "cut.mp4"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        shift = 15 * 512
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None and packet.pts >= 10 * 512:
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
                target.mux(packet)
    _, frames, _ = read(tmp_path / "cut.mp4")
    assert [nearest_picture(frame, pictures) for frame in frames] == list(range(15, 30))
    assert [frame.time for frame in frames] == [Fraction(i, 25) for i in range(15)]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4"])
def test_clips_shorter_than_the_decoder_s_delay_are_whole(codec: str, count: int, tmp_path: Path) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    pictures = make_clip(tmp_path / "clip.mp4", codec=codec, options=options, frames=count)
    _, frames, _ = read(tmp_path / "clip.mp4")
    assert [nearest_picture(frame, pictures) for frame in frames] == list(range(count))


def test_b_frames_in_mp4_begin_at_zero(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", codec="libx264", options={"bf": "3"}, audio=1)
    assert times(tmp_path / "clip.mp4") == [Fraction(i, 25) for i in range(12)]
