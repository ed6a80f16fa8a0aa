"""Streams beside the video arrive bit for bit, at their time, with their names: whatever goes from where to where."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.stream import Disposition

from streamsr.errors import OpenError, UnsupportedFormatError
from streamsr.media.open import open_source
from streamsr.media.read_options import ReadOptions
from streamsr.media.sink import FileSink
from tests.clips import make_clip
from tests.muxes import Sample, samples, streams, times, transcode

AAC = {"audio": 2, "audio_codec": "aac", "frames": 20}


def offset(before: list[Sample], after: list[Sample]) -> Fraction:
    """By how much a stream was moved."""
    assert before[0].pts is not None
    assert after[0].pts is not None
    return after[0].pts - before[0].pts


def assert_copied(before: list[Sample], after: list[Sample], tick: Fraction, shift: Fraction = Fraction(0)) -> None:
    """The same packets, `shift` later, up to rounding to the ticks of the container."""
    assert [s.data for s in after] == [s.data for s in before]
    for old, new in zip(before, after, strict=True):
        assert old.pts is not None
        assert new.pts is not None
        assert abs(new.pts - old.pts - shift) <= tick
        assert new.keyframe == old.keyframe
        if old is not before[-1] or not tick:  # Matroska does not store how long a shorter last packet is
            assert abs(new.duration - old.duration) <= tick


@pytest.mark.parametrize(
    ("source", "target", "tick"),
    [
        ("in.mp4", "out.mp4", Fraction(0)),
        ("in.mov", "out.mp4", Fraction(0)),
        ("in.mp4", "out.mov", Fraction(0)),
        ("in.mkv", "out.mkv", Fraction(0)),
        ("in.mp4", "out.mkv", Fraction(1, 1000)),
        ("in.mkv", "out.mp4", Fraction(1, 1000)),
    ],
)
def test_two_audio_tracks_are_copied(tmp_path: Path, source: str, target: str, tick: Fraction) -> None:
    make_clip(tmp_path / source, **AAC)
    sink = transcode(tmp_path / source, tmp_path / target)
    before, after = samples(tmp_path / source), samples(tmp_path / target)
    tracks = list(zip(streams(tmp_path / source, "audio"), streams(tmp_path / target, "audio"), strict=True))
    assert len(tracks) == 2
    shift = offset(before[tracks[0][0]], after[tracks[0][1]]) if target == "out.mkv" else Fraction(0)
    for old, new in tracks:
        assert_copied(before[old], after[new], tick, shift)
    assert sink.packets == sum(len(before[old]) for old, _ in tracks)
    assert sink.skipped == 0
    for old_time, new_time in zip(times(tmp_path / source), times(tmp_path / target), strict=True):
        assert abs(new_time - old_time - shift) <= tick, "the picture moves with the sound"


def test_adts_from_a_transport_stream_becomes_plain_aac(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.ts", **AAC)
    transcode(tmp_path / "in.ts", tmp_path / "out.mp4")
    before, after = samples(tmp_path / "in.ts"), samples(tmp_path / "out.mp4")
    shift = None
    for old, new in zip(streams(tmp_path / "in.ts", "audio"), streams(tmp_path / "out.mp4", "audio"), strict=True):
        assert [s.data for s in after[new]] == [s.data[7:] for s in before[old]], "only the 7 bytes of ADTS header go"
        shift = shift or offset(before[old], after[new])
        for a, b in zip(before[old], after[new], strict=True):
            assert a.pts is not None
            assert b.pts is not None
            assert abs(b.pts - a.pts - shift) <= Fraction(1, 48000)
    with av.open(str(tmp_path / "out.mp4")) as out:
        assert out.start_time == 0, "the arbitrary clock of the transport stream is not kept"
        assert sum(len(frame.to_ndarray()[0]) for frame in out.decode(audio=0)) > 30000
    for old_time, new_time in zip(times(tmp_path / "in.ts"), times(tmp_path / "out.mp4"), strict=True):
        assert new_time - old_time == shift


@pytest.mark.parametrize(("suffix", "german"), [("mp4", "deu"), ("mkv", "deu"), ("mov", "ger")])
def test_languages_and_defaults_stay_with_their_tracks(tmp_path: Path, suffix: str, german: str) -> None:
    make_clip(tmp_path / "in.mp4", **AAC)
    transcode(tmp_path / "in.mp4", tmp_path / f"out.{suffix}")
    with av.open(str(tmp_path / f"out.{suffix}")) as out:
        assert [stream.language for stream in out.streams.audio] == ["eng", german]
        assert [bool(s.disposition & Disposition.default) for s in out.streams.audio] == [False, True]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_chapters_and_metadata(tmp_path: Path, suffix: str) -> None:
    chapters = [(0.0, 0.2, "Anfang"), (0.2, 0.48, "Ende – ääh")]
    make_clip(tmp_path / "in.mkv", chapters=chapters, metadata={"title": "Ein Film", "genre": "Drama"})
    transcode(tmp_path / "in.mkv", tmp_path / f"out.{suffix}")
    with av.open(str(tmp_path / f"out.{suffix}")) as out:
        found = [
            (c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"]["title"]) for c in out.chapters()
        ]
        tags = {key.lower(): value for key, value in out.metadata.items()}
    assert found == [(Fraction(str(a)), Fraction(str(b)), name) for a, b, name in chapters]
    assert tags["title"] == "Ein Film"
    assert tags["genre"] == "Drama"


def test_chapters_do_not_pile_up_as_data_streams(tmp_path: Path) -> None:
    make_clip(
        tmp_path / "in.mp4",
        audio=1,
        chapters=[(0.0, 0.2, "one"), (0.2, 0.4, "two")],
        metadata={"timecode": "01:02:03:04"},
    )
    transcode(tmp_path / "in.mp4", tmp_path / "out.mp4")
    with av.open(str(tmp_path / "in.mp4")) as before, av.open(str(tmp_path / "out.mp4")) as after:
        assert len(after.streams) == len(before.streams) == 4
        assert after.streams.video[0].metadata["timecode"] == "01:02:03:04"


def test_metadata_that_mp4_has_no_name_for_is_kept(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mkv", metadata={"title": "Ein Film", "camera_operator": "Freund"})
    transcode(tmp_path / "in.mkv", tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as out:
        assert {key.lower(): value for key, value in out.metadata.items()}["camera_operator"] == "Freund"
        assert out.metadata["title"] == "Ein Film"


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_cover_art_is_kept_and_stays_cover_art(tmp_path: Path, suffix: str) -> None:
    make_clip(tmp_path / "in.mp4", cover_art=True)
    transcode(tmp_path / "in.mp4", tmp_path / f"out.{suffix}")
    assert covers(tmp_path / f"out.{suffix}") == covers(tmp_path / "in.mp4") != []


def test_cover_art_or_metadata_without_a_name_in_mp4(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_clip(tmp_path / "one.mp4", cover_art=True)
    transcode(tmp_path / "one.mp4", tmp_path / "two.mkv")
    with av.open(str(tmp_path / "two.mkv")) as source, av.open(str(tmp_path / "three.mkv"), "w") as out:
        out.metadata["camera_operator"] = "Freund"
        stream = out.add_stream_from_template(source.streams.video[0], opaque=True)
        out.add_attachment("cover.jpg", "image/jpeg", covers(tmp_path / "one.mp4")[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    transcode(tmp_path / "three.mkv", tmp_path / "four.mp4")
    assert covers(tmp_path / "four.mp4") == covers(tmp_path / "one.mp4")
    assert [r.getMessage() for r in caplog.records if "CAMERA_OPERATOR" in r.getMessage()], (
        "mp4 has room for one of them"
    )


def covers(path: Path) -> list[bytes]:
    """The cover pictures in a file."""
    with av.open(str(path)) as container:
        pictures = [s for s in container.streams.video if s.disposition & Disposition.attached_pic]
        return [bytes(packet) for stream in pictures for packet in container.demux(stream) if packet.size]


def test_cover_art_survives_twice_through_matroska(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mp4", cover_art=True)
    transcode(tmp_path / "in.mp4", tmp_path / "one.mkv")
    transcode(tmp_path / "one.mkv", tmp_path / "two.mkv")
    transcode(tmp_path / "two.mkv", tmp_path / "three.mp4")
    found = [covers(tmp_path / name) for name in ("in.mp4", "one.mkv", "two.mkv", "three.mp4")]
    assert found == [found[0]] * 4
    assert len(found[0]) == 1


def test_attachments_are_copied(tmp_path: Path) -> None:
    font = ("Schrift.ttf", "application/x-truetype-font", bytes(range(256)) * 33)
    make_clip(tmp_path / "in.mkv", attachments=[font])
    transcode(tmp_path / "in.mkv", tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as out:
        (found,) = out.streams.attachments
        assert (found.name, found.mimetype, found.data) == font


def test_a_second_angle_is_copied(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4", width=96, height=64)
    make_clip(tmp_path / "b.mp4")
    with av.open(str(tmp_path / "a.mp4")) as a, av.open(str(tmp_path / "b.mp4")) as b:
        with av.open(str(tmp_path / "in.mkv"), "w") as out:
            pairs = [(a, out.add_stream_from_template(a.streams[0], opaque=True))]
            pairs.append((b, out.add_stream_from_template(b.streams[0], opaque=True)))
            pairs[0][1].disposition = Disposition.default
            for source, stream in pairs:
                for packet in source.demux():
                    if packet.size:
                        packet.stream = stream
                        out.mux(packet)
    transcode(tmp_path / "in.mkv", tmp_path / "out.mkv")
    before, after = samples(tmp_path / "in.mkv"), samples(tmp_path / "out.mkv")
    assert after[1] == before[1]
    assert after[0] != before[0], "the first one is encoded anew"


def test_subtitles_in_matroska(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mkv", subtitles=True)
    transcode(tmp_path / "in.mkv", tmp_path / "out.mkv")
    assert samples(tmp_path / "out.mkv")[1] == samples(tmp_path / "in.mkv")[1]


def test_text_subtitles_change_their_codec_not_their_words(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mkv", subtitles=True)
    transcode(tmp_path / "in.mkv", tmp_path / "mid.mp4")
    (track,) = streams(tmp_path / "mid.mp4", "subtitle")
    lines = [s for s in samples(tmp_path / "mid.mp4")[track] if len(s.data) > 2]
    assert [s.data for s in lines] == [b"\0\5Hello", b"\0\5World"], "mov_text: length, then text"
    transcode(tmp_path / "mid.mp4", tmp_path / "out.mkv")
    assert samples(tmp_path / "out.mkv")[1] == samples(tmp_path / "in.mkv")[1]
    with av.open(str(tmp_path / "out.mkv")) as out:
        assert out.streams.subtitles[0].codec_context.codec.canonical_name == "subrip"
        assert out.streams.subtitles[0].language == "eng"
    transcode(tmp_path / "mid.mp4", tmp_path / "copy.mp4")
    (copied,) = streams(tmp_path / "copy.mp4", "subtitle")
    assert samples(tmp_path / "copy.mp4")[copied] == samples(tmp_path / "mid.mp4")[track]


def test_text_subtitles_become_webvtt(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mkv", subtitles=True, frames=4)
    transcode(tmp_path / "in.mkv", tmp_path / "out.webm", codec="libvpx-vp9", preset=None, crf=50)
    before, after = samples(tmp_path / "in.mkv")[1], samples(tmp_path / "out.webm")[1]
    assert [(s.data, s.pts, s.duration) for s in after] == [(s.data, s.pts, s.duration) for s in before]


@pytest.mark.parametrize(
    ("source", "fields", "target", "needles"),
    [
        ("in.mp4", {"audio": 1}, "out.webm", ["stream 1 (audio, aac, eng)", "write .mkv", "--skip-streams audio"]),
        ("in.mkv", {"attachments": [("f.ttf", "font/ttf", b"x")]}, "out.mp4", ["stream 1 (attachment", "write .mkv"]),
        ("in.mp4", {"cover_art": True}, "out.mov", ["stream 1 (cover art, mjpeg)", "--skip-streams video (the film"]),
        ("in.mkv", {"audio": 1, "audio_codec": "tta"}, "out.mp4", ["stream 1 (audio, tta, eng)", "write .mkv"]),
    ],
)
def test_what_a_container_cannot_hold_is_refused_first(
    tmp_path: Path, source: str, fields: dict[str, object], target: str, needles: list[str]
) -> None:
    make_clip(tmp_path / source, **fields)
    with pytest.raises(UnsupportedFormatError) as refused:
        transcode(tmp_path / source, tmp_path / target)
    assert all(needle in str(refused.value) for needle in needles), refused.value
    assert sorted(path.name for path in tmp_path.iterdir()) == [source], "nothing was begun"


def test_skipping_is_a_way_out(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mkv", audio=2, subtitles=True, attachments=[("f.ttf", "font/ttf", b"x")])
    transcode(tmp_path / "in.mkv", tmp_path / "out.mp4", skip_streams=frozenset({"attachment", "subtitle"}))
    with av.open(str(tmp_path / "out.mp4")) as out:
        assert [stream.type for stream in out.streams] == ["video", "audio", "audio"]


def test_data_nobody_could_read_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in.ts"), "w") as out:
        video, data = out.add_stream("libx264", rate=25), out.add_data_stream("klv")
        video.width, video.height = 64, 48
        for index in range(10):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            packet = av.Packet(b"\x06\x0e+4" + bytes(20))
            packet.stream, packet.pts, packet.dts, packet.time_base = data, index, index, Fraction(1, 25)
            out.mux([*video.encode(frame), packet])
        out.mux(video.encode(None))
    for suffix in ("mp4", "mov", "mkv", "webm"):
        with pytest.raises(UnsupportedFormatError, match=r"stream 1 \(data, klv\); leave .*--skip-streams data"):
            transcode(tmp_path / "in.ts", tmp_path / f"out.{suffix}")
    transcode(tmp_path / "in.ts", tmp_path / "out.mp4", skip_streams=frozenset({"data"}))
    assert len(times(tmp_path / "out.mp4")) == 10


def test_a_source_that_is_gone_is_a_clear_error(tmp_path: Path) -> None:
    make_clip(tmp_path / "in.mp4", audio=1)
    with contextlib.closing(open_source(tmp_path / "in.mp4")) as source:
        (tmp_path / "in.mp4").unlink()
        with pytest.raises(OpenError, match="a second time"):
            FileSink(tmp_path / "out.mp4").negotiate(source.info)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["bigbuckbunny.mp4", "cut_bunny.mp4", "talking_head.mp4"])
def test_real_clips(tmp_path: Path, shared_data: Path, name: str) -> None:
    source = shared_data / "videos" / name
    transcode(source, tmp_path / "out.mp4", part=ReadOptions(frames=10))
    tracks = zip(streams(source, "audio"), streams(tmp_path / "out.mp4", "audio"), strict=True)
    before, after = samples(source), samples(tmp_path / "out.mp4")
    assert [after[new] for _, new in tracks] == [before[old] for old in streams(source, "audio")]
    assert times(tmp_path / "out.mp4") == times(source)[:10]
