"""When streams beside the video are written: in step with it, within the wanted part, up to where they end."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from streamsr.media.open import open_source
from streamsr.media.options import WriteOptions
from streamsr.media.read_options import ReadOptions
from streamsr.media.sink import FileSink
from tests.clips import make_clip
from tests.muxes import samples, stored_order, streams, times, transcode


def make_parts(path: Path, *tracks: tuple[str, list[tuple[int, int]]], video_seconds: int = 30) -> None:
    """A Matroska file of PCM or subtitle packets at given milliseconds `(start, duration)`, and of a slow video.

    The video lies behind all of the rest: the worst interleaving there is.
    """
    with av.open(str(path), "w", container_options={"max_interleave_delta": "1"}) as out:
        video = out.add_stream("libx264", rate=2, options={"preset": "ultrafast"})
        video.width, video.height = 32, 32
        packets = []
        for codec, moments in tracks:
            stream = out.add_mux_stream(codec, rate=8000 if codec == "pcm_s16le" else None)
            packets += [_packet(stream, number, *moment) for number, moment in enumerate(moments)]
        out.mux(sorted(packets, key=lambda packet: packet.pts))
        for index in range(video_seconds * 2):
            frame = av.VideoFrame.from_ndarray(np.full((48, 32), index % 200, np.uint8), format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 2)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))


def _packet(stream: av.stream.Stream, number: int, start: int, duration: int) -> av.Packet[Any]:
    packet = av.Packet(f"{stream.index}:{number}".encode().ljust(duration * 16 if stream.type == "audio" else 8))
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = start
    packet.duration, packet.is_keyframe = duration, True
    return packet


def seconds(start: int, end: int, step: int = 1) -> list[tuple[int, int]]:
    return [(second * 1000, 1000) for second in range(start, end, step)]


def largest_step_back(path: Path) -> Fraction:
    """By how much a packet in the file is earlier than one stored before it."""
    latest, back = Fraction(0), Fraction(0)
    for _, dts in stored_order(path):
        back = max(back, latest - dts)
        latest = max(latest, dts)
    return back


def test_output_is_interleaved_however_the_input_is_not(tmp_path: Path) -> None:
    make_parts(tmp_path / "in.mkv", ("pcm_s16le", seconds(0, 30)), ("subrip", [(2000, 500), (25000, 500)]))
    assert largest_step_back(tmp_path / "in.mkv") > 20
    transcode(tmp_path / "in.mkv", tmp_path / "out.mkv")
    assert largest_step_back(tmp_path / "out.mkv") <= 2
    assert samples(tmp_path / "out.mkv")[1] == samples(tmp_path / "in.mkv")[1]


def test_mp4_is_interleaved(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mp4", width=32, height=32, frames=40, rate=Fraction(2), audio=2)
    transcode(tmp_path / "in.mp4", tmp_path / "out.mp4")
    assert largest_step_back(tmp_path / "out.mp4") <= 2


def test_nothing_is_read_ahead_of_the_video(tmp_path: Path) -> None:
    make_parts(tmp_path / "in.mkv", ("pcm_s16le", seconds(0, 30)), ("subrip", [(1000, 500), (29000, 500)]))
    source, sink = open_source(tmp_path / "in.mkv"), FileSink(tmp_path / "out.mkv", WriteOptions(preset="ultrafast"))
    sink.open(sink.negotiate(source.info))
    for number, frame in enumerate(source):
        sink.write(frame)
        assert sink.packets <= number / 2 + 3, "packets wait in the source until the picture has come to them"
    sink.close()
    assert sink.packets == 32
    source.close()


def test_late_sparse_short_and_long_streams_are_complete(tmp_path: Path) -> None:
    parts = [seconds(20, 30), seconds(0, 5), seconds(0, 30, 10), seconds(0, 60)]
    make_parts(tmp_path / "in.mkv", *(("pcm_s16le", packets) for packets in parts))
    transcode(tmp_path / "in.mkv", tmp_path / "out.mkv")
    before, after = samples(tmp_path / "in.mkv"), samples(tmp_path / "out.mkv")
    assert len(times(tmp_path / "out.mkv")) == 60
    for index, packets in enumerate(parts, 1):
        assert len(after[index]) == len(packets)
        assert [(s.data, s.pts) for s in after[index]] == [(s.data, s.pts) for s in before[index]]


def test_of_a_part_only_what_belongs_to_it(tmp_path: Path) -> None:
    lines = [(1000, 500), (9500, 1500), (12000, 500), (19800, 900), (25000, 500)]
    make_parts(tmp_path / "in.mkv", ("pcm_s16le", seconds(0, 30)), ("subrip", lines))
    chapters = [{"id": i, "start": i * 8, "end": i * 8 + 8, "time_base": Fraction(1), "metadata": {}} for i in range(4)]
    add_chapters(tmp_path / "in.mkv", tmp_path / "chapters.mkv", chapters)
    part = ReadOptions(start=Fraction(10), end=Fraction(20))
    transcode(tmp_path / "chapters.mkv", tmp_path / "out.mkv", part=part)
    after = samples(tmp_path / "out.mkv")
    assert [s.data.rstrip() for s in after[1]] == [f"1:{n}".encode() for n in range(10, 20)]
    assert [s.pts for s in after[1]] == list(range(10))
    words = [s for s in after[2] if b":" in s.data]
    assert [(s.data.strip(b"\0\4\3 "), s.pts) for s in words] == [(b"2:1", 0), (b"2:2", 2), (b"2:3", Fraction("9.8"))]
    assert words[0].duration == 1, "a line that is on screen when the part begins stays until its end"
    assert times(tmp_path / "out.mkv") == [Fraction(n, 2) for n in range(20)]
    with av.open(str(tmp_path / "out.mkv")) as out:
        found = [(c["start"] * c["time_base"], c["end"] * c["time_base"]) for c in out.chapters()]
    assert found == [(0, 6), (6, 10)]


def add_chapters(source: Path, target: Path, chapters: list[Any]) -> None:
    with av.open(str(source)) as before, av.open(str(target), "w") as after:
        after.set_chapters(chapters)
        pairs = {s.index: after.add_stream_from_template(s, opaque=True) for s in before.streams}
        for packet in before.demux():
            if packet.size:
                packet.stream = pairs[packet.stream.index]
                after.mux(packet)


def test_cut_short_the_sound_ends_with_the_picture(tmp_path: Path) -> None:
    make_parts(tmp_path / "in.mkv", ("pcm_s16le", seconds(0, 30)))
    source, sink = open_source(tmp_path / "in.mkv"), FileSink(tmp_path / "out.mkv", WriteOptions(preset="ultrafast"))
    sink.open(sink.negotiate(source.info))
    for _, frame in zip(range(15), source, strict=False):
        sink.write(frame)
    sink.close(truncate=True)
    source.close()
    after = samples(tmp_path / "out.mkv")
    assert len(times(tmp_path / "out.mkv")) == 15
    assert [s.pts for s in after[1]] == list(range(8)), "the picture ends at 7.5 s"


def test_of_a_part_of_an_mp4_file(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mp4", frames=50, audio=2)
    transcode(tmp_path / "in.mp4", tmp_path / "out.mp4", part=ReadOptions(start=Fraction(1), end=Fraction("1.5")))
    before, after = samples(tmp_path / "in.mp4"), samples(tmp_path / "out.mp4")
    for old, new in zip(streams(tmp_path / "in.mp4", "audio"), streams(tmp_path / "out.mp4", "audio"), strict=True):
        wanted = [s for s in before[old] if 1 <= (s.pts or 0) < Fraction("1.5")]
        assert [s.data for s in after[new]] == [s.data for s in wanted]
        for a, b in zip(wanted, after[new], strict=True):
            assert a.pts is not None
            assert b.pts is not None
            assert abs(a.pts - 1 - b.pts) < Fraction(1, 48000)
    assert times(tmp_path / "out.mp4") == [Fraction(n, 25) for n in range(13)]


def test_a_whole_run_keeps_sound_that_is_longer_than_the_picture(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mp4", frames=5, audio=1, audio_seconds=1.5)
    transcode(tmp_path / "in.mp4", tmp_path / "out.mp4")
    before, after = samples(tmp_path / "in.mp4"), samples(tmp_path / "out.mp4")
    (track,) = streams(tmp_path / "out.mp4", "audio")
    assert after[track] == before[track]


def test_damaged_packets_are_left_out_and_counted(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.ts", audio=1, audio_codec="mp2", frames=50)
    data = bytearray((tmp_path / "in.ts").read_bytes())
    packets = [n for n in range(0, len(data), 188) if ((data[n + 1] & 0x1F) << 8 | data[n + 2]) == 0x101]
    for start in packets[4:8]:
        data[start + 1] |= 0x80  # transport_error_indicator
    (tmp_path / "bad.ts").write_bytes(data)
    good = transcode(tmp_path / "in.ts", tmp_path / "good.mp4")
    bad = transcode(tmp_path / "bad.ts", tmp_path / "bad.mp4")
    assert good.skipped == 0
    assert bad.skipped > 0
    assert len(times(tmp_path / "bad.mp4")) == 50
    before = {s.data for s in samples(tmp_path / "in.ts")[1]}
    assert all(s.data in before for s in samples(tmp_path / "bad.mp4")[1])
