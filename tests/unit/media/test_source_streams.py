"""Which stream is taken, and what is said of files that hold no video."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import av
import pytest
from av.stream import Disposition

from streamsr.errors import DecodeError, MediaError, OpenError, UnsupportedFormatError
from streamsr.media.source import FileSource
from tests.clips import LOSSLESS, make_clip
from tests.unit.media.reading import read, same_planes


def join(target: Path, *parts: Path, default: int) -> None:
    """Mux the video streams of several files into one."""
    with av.open(str(target), "w") as out:
        sources = [av.open(str(part)) for part in parts]
        streams = [out.add_stream_from_template(source.streams.video[0]) for source in sources]
        for index, stream in enumerate(streams):
            stream.disposition = Disposition.default if index == default else Disposition(0)
        for source, stream in zip(sources, streams, strict=True):
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
            source.close()


@pytest.mark.parametrize("default", [0, 1])
@pytest.mark.parametrize("suffix", ["mkv", "nut"])
def test_of_several_videos_the_default_one_is_taken(default: int, suffix: str, tmp_path: Path) -> None:
    large = make_clip(tmp_path / "large.mkv", **LOSSLESS, width=128, height=96)
    small = make_clip(tmp_path / "small.mkv", **LOSSLESS)
    join(tmp_path / f"both.{suffix}", tmp_path / "large.mkv", tmp_path / "small.mkv", default=default)
    info, frames, _ = read(tmp_path / f"both.{suffix}")
    assert info.video_stream == default
    assert same_planes(frames, (large, small)[default])


def test_without_a_default_the_largest_one_is_taken(tmp_path: Path) -> None:
    make_clip(tmp_path / "small.mkv", **LOSSLESS)
    large = make_clip(tmp_path / "large.mkv", **LOSSLESS, width=128, height=96)
    join(tmp_path / "both.nut", tmp_path / "small.mkv", tmp_path / "large.mkv", default=-1)
    assert same_planes(read(tmp_path / "both.nut")[1], large)


def test_cover_art_is_not_the_video(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", codec="libx264", cover_art=True, audio=1)
    info, frames, _ = read(tmp_path / "clip.mp4")
    assert (info.width, info.container, info.video_stream) == (64, tmp_path / "clip.mp4", 0)
    assert len(frames) == 12


def without_video(source: Path, target: Path) -> None:
    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        kept = [stream for stream in given.streams if stream.index != 0]
        streams = {stream.index: out.add_stream_from_template(stream) for stream in kept}
        for stream in kept:
            streams[stream.index].disposition = stream.disposition
        for packet in given.demux(*kept):
            if packet.size:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)


@pytest.mark.parametrize(("cover", "said"), [(False, "only audio"), (True, "only audio and cover art")])
def test_files_without_video_say_what_they_hold(cover: bool, said: str, tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", codec="libx264", cover_art=cover, audio=1)
    without_video(tmp_path / "clip.mp4", tmp_path / "song.mp4")
    with pytest.raises(UnsupportedFormatError, match=rf"song\.mp4 has no video, {said}$"):
        FileSource(tmp_path / "song.mp4")


def test_missing_files_are_os_errors_too(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"gone\.mp4 does not exist"):
        FileSource(tmp_path / "gone.mp4")
    with pytest.raises(OpenError, match="is a folder"):
        FileSource(tmp_path)


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(OpenError, match=r"empty\.mp4 is empty"):
        FileSource(tmp_path / "empty.mp4")


@pytest.mark.parametrize("name", ["text.mp4", "text.mkv", "text.png", "text"])
def test_text_by_any_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("This is no video, it only says so.\n" * 20)
    with pytest.raises(MediaError, match=name) as caught:
        FileSource(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_encrypted_file(tmp_path: Path) -> None:
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "0" * 31 + "1", "encryption_kid": "0" * 31 + "2"}
    make_clip(tmp_path / "locked.mp4", codec="libx264", container_options=key)
    with pytest.raises(DecodeError, match="it is encrypted"):
        FileSource(tmp_path / "locked.mp4")


def test_unknown_codec(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.avi", codec="mpeg4")
    data = (tmp_path / "clip.avi").read_bytes().replace(b"FMP4", b"Zz9x")
    (tmp_path / "clip.avi").write_bytes(data)
    with pytest.raises(UnsupportedFormatError, match="no decoder for the video in stream 0"):
        FileSource(tmp_path / "clip.avi")


def test_absurd_dimensions_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    make_clip(tmp_path / "huge.mkv", codec="rawvideo", width=320, height=288, frames=1)
    head = (tmp_path / "huge.mkv").read_bytes()
    head = head.replace(b"\xb0\x82\x01\x40", b"\xb0\x82\x3e\x80").replace(b"\xba\x82\x01\x20", b"\xba\x82\x3e\x80")
    (tmp_path / "huge.mkv").write_bytes(head)
    with pytest.raises(UnsupportedFormatError, match="pictures of 16000x16000 are too large"):
        FileSource(tmp_path / "huge.mkv")
    make_clip(tmp_path / "clip.png", frames=1, codec="png", pix_fmt="rgb24", format="image2pipe")
    data = bytearray((tmp_path / "clip.png").read_bytes())
    data[16:24] = struct.pack(">II", 60000, 30000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    (tmp_path / "clip.png").write_bytes(data)
    with pytest.raises(DecodeError, match="nothing can be decoded"):
        FileSource(tmp_path / "clip.png")
