"""Frames come back from the files they were written to: samples, times, and every tag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from streamsr.color import Color
from streamsr.errors import ConfigError, EncodeError, UnknownNameError, UnsupportedFormatError
from streamsr.layout import LAYOUTS
from streamsr.media.encoder import EncoderSetup, VideoEncoder, new_context
from streamsr.media.options import WriteOptions
from streamsr.media.retime import Retimer
from streamsr.media.sink import FileSink
from tests.muxes import BT709, decoded, frames, planes_of, samples, times, write

FAST = {"mp4": "ultrafast", "mov": None, "mkv": "ultrafast", "webm": None}


def sink_for(path: Path, **options: object) -> FileSink:
    return FileSink(path, WriteOptions(**{"preset": FAST[path.suffix[1:]], **options}))


KEPT = {
    "mp4": "yuv420p yuv422p yuv444p nv12 nv16 p010 yuv420p10 yuv422p10 yuv444p10 yuv420p12 yuv444p12 gray10 gray12",
    "mov": "yuv420p yuv444p yuv422p10 yuv420p12",
    "mkv": "yuv420p yuv422p10 yuv444p12 yuv420p16 yuva420p yuva444p10 gbrap10 gray16 gbrp14 rgba rgba64 ya8",
}


@pytest.mark.parametrize(
    ("suffix", "name"), [(suffix, name) for suffix, names in KEPT.items() for name in names.split()]
)
def test_depth_subsampling_and_alpha_are_kept_by_default(tmp_path: Path, suffix: str, name: str) -> None:
    info, made = frames(name, 2)
    target = write(sink_for(tmp_path / f"out.{suffix}", preset=None), info, made)
    frame = next(decoded(tmp_path / f"out.{suffix}"))
    assert (target.layout.depth, target.layout.alpha) == (info.layout.depth, info.layout.alpha)
    assert (target.layout.sub_x, target.layout.sub_y) == (info.layout.sub_x, info.layout.sub_y)
    assert max(part.bits for part in frame.format.components) == info.layout.depth
    assert any(part.is_alpha for part in frame.format.components) == info.layout.alpha
    chroma = (frame.format.chroma_width(), frame.format.chroma_height())
    assert len(frame.format.components) < 3 or chroma == (64 >> info.layout.sub_x, 48 >> info.layout.sub_y)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_has_a_nearest_one_in_every_container(tmp_path: Path, name: str) -> None:
    info, _ = frames(name, 1, color=BT709)
    for suffix in ("mp4", "mov", "mkv", "webm"):
        target = FileSink(tmp_path / f"out.{suffix}").negotiate(info)
        assert target.layout.family == info.layout.family or target.layout.family == "yuv" or name.startswith("ya")
        assert (target.width, target.height, target.time_base) == (info.width, info.height, info.time_base)
        if target.layout.family != info.layout.family:
            assert "unknown" not in (target.color.matrix, target.color.range)


@pytest.mark.parametrize(
    "name", ["yuv420p", "yuv422p10", "yuv444p16", "yuv440p12", "yuv411p", "yuva420p", "gray", "gray12"]
)
def test_ffv1_is_exact(tmp_path: Path, name: str) -> None:
    info, made = frames(name, 3, width=71, height=53)
    target = write(sink_for(tmp_path / "out.mkv", codec="ffv1", preset=None), info, made)
    assert target.layout == info.layout
    for frame, original in zip(decoded(tmp_path / "out.mkv"), made, strict=True):
        for plane, expected in zip(planes_of(frame), original.planes, strict=True):
            np.testing.assert_array_equal(plane, expected)


def test_rgb_stays_rgb_in_a_lossless_codec(tmp_path: Path) -> None:
    info, made = frames("gbrp", 1)
    target = write(sink_for(tmp_path / "out.mkv", codec="ffv1", preset=None), info, made)
    assert (target.layout.name, target.color.matrix) == ("bgr0", "unknown")
    assert sink_for(tmp_path / "x.mp4", codec="libx264rgb").negotiate(info).layout.family == "rgb"
    assert sink_for(tmp_path / "x.mp4").negotiate(info).layout.name == "yuv444p"


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_every_pts_survives_to_the_tick(tmp_path: Path, suffix: str) -> None:
    pts = [7, 8, 1500, 1501, 4503, 90000, 90001, 90452, 123456, 200000]
    info, made = frames("yuv420p", pts=pts, durations=[None] * 9 + [4321], time_base=Fraction(1, 90000))
    write(sink_for(tmp_path / f"out.{suffix}", preset=None), info, made)
    assert times(tmp_path / f"out.{suffix}") == [Fraction(t, 90000) for t in pts]
    with av.open(str(tmp_path / f"out.{suffix}")) as out:
        stream = out.streams.video[0]
        assert stream.duration * stream.time_base == Fraction(200000 + 4321 - 7, 90000), (
            "with the last frame's duration"
        )


@pytest.mark.parametrize(
    "time_base", [Fraction(1001, 30000), Fraction(1, 25), Fraction(1, 600), Fraction(1, 1_000_000)]
)
def test_time_bases_of_all_kinds(tmp_path: Path, time_base: Fraction) -> None:
    info, made = frames("yuv420p", 12, time_base=time_base)
    write(sink_for(tmp_path / "out.mp4"), info, made)
    assert times(tmp_path / "out.mp4") == [n * time_base for n in range(12)]


def test_matroska_rounds_and_still_increases(tmp_path: Path) -> None:
    pts = [0, 10, 20, 90, 91, 45000, 90000]
    info, made = frames("yuv420p", pts=pts, durations=[None] * 7, time_base=Fraction(1, 90000))
    write(sink_for(tmp_path / "out.mkv"), info, made)
    assert times(tmp_path / "out.mkv") == [Fraction(ms, 1000) for ms in (0, 1, 2, 3, 4, 500, 1000)]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_frames_before_zero_are_not_lost(tmp_path: Path, suffix: str) -> None:
    info, made = frames("yuv420p", pts=range(-3, 3))
    write(sink_for(tmp_path / f"out.{suffix}", preset=None), info, made)
    assert times(tmp_path / f"out.{suffix}") == [Fraction(n, 25) for n in range(6)]


def test_odd_sizes_keep_every_pixel(tmp_path: Path) -> None:
    info, made = frames("yuv420p", 2, width=171, height=129)
    for suffix, layout in (("mp4", "yuv444p"), ("webm", "yuv420p")):
        assert write(sink_for(tmp_path / f"out.{suffix}"), info, made).layout.name == layout
        frame = next(decoded(tmp_path / f"out.{suffix}"))
        assert (frame.width, frame.height) == (171, 129)
    with pytest.raises(UnsupportedFormatError, match=r"171x129 yuv420p.*--pix-fmt yuv444p"):
        sink_for(tmp_path / "x.mp4", pix_fmt="yuv420p").negotiate(info)


def test_tiny_pictures(tmp_path: Path) -> None:
    for name in ("yuv420p", "yuv420p10"):
        info, made = frames(name, 2, width=8, height=8)
        write(sink_for(tmp_path / f"{name}.mp4"), info, made)
        assert next(decoded(tmp_path / f"{name}.mp4")).width == 8


def test_what_the_user_asks_reaches_the_encoder(tmp_path: Path) -> None:
    info, made = frames("yuv420p", 4)
    given = {
        "crf": 33,
        "preset": "superfast",
        "pix_fmt": "yuv422p",
        "threads": 1,
        "codec_options": {"x264-params": "ref=5"},
    }
    target = write(sink_for(tmp_path / "out.mp4", **given), info, made)
    settings = samples(tmp_path / "out.mp4")[0][0].data.decode("latin-1")
    assert target.layout.name == "yuv422p"
    assert "crf=33.0" in settings
    assert "ref=5" in settings
    assert " threads=1 " in settings


def test_encoders_use_frame_threads(tmp_path: Path) -> None:
    info, made = frames("yuv420p", 4, width=640, height=360)
    write(sink_for(tmp_path / "out.mp4", threads=2), info, made)
    assert "sliced_threads=0" in samples(tmp_path / "out.mp4")[0][0].data.decode("latin-1")


@pytest.mark.parametrize(
    ("options", "error", "needle"),
    [
        ({"codec": "libx246"}, UnknownNameError, "libx264"),
        ({"codec": "aac"}, UnknownNameError, "video encoder"),
        ({"codec": "libvpx"}, UnsupportedFormatError, "mp4 cannot hold libvpx"),
        ({"preset": "fats"}, UnknownNameError, "'fast'"),
        ({"codec": "libsvtav1", "preset": "fast"}, ConfigError, "whole number from -2 to 13"),
        ({"codec": "mpeg4", "preset": "fast"}, ConfigError, "takes no preset"),
        ({"codec": "mpeg4", "preset": None, "crf": 20}, ConfigError, "takes no crf"),
        ({"crf": 64}, ConfigError, "0 to 51"),
        ({"pix_fmt": "yuv420"}, UnknownNameError, "yuv420p"),
        ({"codec": "libx264", "pix_fmt": "yuv420p12"}, UnsupportedFormatError, "it takes yuv420p10le"),
        ({"codec_options": {"crfx": "1"}}, ConfigError, "'crfx'"),
    ],
)
def test_senseless_options_are_refused_before_the_first_frame(
    tmp_path: Path, options: dict[str, object], error: type[Exception], needle: str
) -> None:
    info, _ = frames("yuv420p", 1)
    with pytest.raises(error, match=needle):
        sink_for(tmp_path / "out.mp4", **options).negotiate(info)


def test_matroska_is_not_recommended_instead_of_itself(tmp_path: Path) -> None:
    info, _ = frames("yuv420p", 1)
    with pytest.raises(UnsupportedFormatError, match=r"mp4 cannot hold gif; .*, or write \.mkv$"):
        sink_for(tmp_path / "out.mp4", codec="gif").negotiate(info)
    with pytest.raises(UnsupportedFormatError, match=r"matroska cannot hold gif; use one of libx264, libx265, ffv1$"):
        sink_for(tmp_path / "out.mkv", codec="gif").negotiate(info)


def test_an_unknown_encoder_is_answered_in_one_line(tmp_path: Path) -> None:
    info, _ = frames("yuv420p", 1)
    with pytest.raises(UnknownNameError) as caught:
        sink_for(tmp_path / "out.mp4", codec="h264_nvenk").negotiate(info)
    text = str(caught.value)
    assert {"libx264", "libsvtav1", "ffv1"} <= set(text.replace(",", "").split())
    assert "ffmpeg -encoders" in text
    assert len(text) < 400


def test_options_check_themselves() -> None:
    for crf in (-1, float("nan")):
        with pytest.raises(ConfigError, match="crf is"):
            WriteOptions(crf=crf)
    with pytest.raises(UnknownNameError, match="subtitle"):
        WriteOptions(skip_streams=frozenset({"subtitles"}))
    with pytest.raises(ConfigError, match="threads"):
        WriteOptions(threads=-1)
    with pytest.raises(UnknownNameError, match=r"\.mp4"):
        FileSink("out.mp5")


@pytest.mark.parametrize(("codec", "name"), [("libx264", "gray"), ("libx265", "gray10"), ("ffv1", "gray")])
def test_untagged_gray_keeps_its_levels(tmp_path: Path, codec: str, name: str) -> None:
    info, made = frames(name, 2)
    assert info.color.range == "unknown"
    target = write(sink_for(tmp_path / "out.mkv", preset=None, codec=codec), info, made)
    assert target.color.range == "pc"
    pixels = next(decoded(tmp_path / "out.mkv")).to_ndarray(format="rgb24")
    luma = made[0].planes[0] / info.layout.peak * 255
    assert abs(float(pixels.mean()) - float(luma.mean())) < 1
    assert float(np.abs(pixels - luma[..., None]).max()) < 20, "no offset, only what coding costs"


def test_gray_that_says_it_is_limited_stays_so(tmp_path: Path) -> None:
    info, made = frames("gray", 2, color=Color(range="tv"))
    assert write(sink_for(tmp_path / "out.mp4"), info, made).color.range == "tv"
    pixels = next(decoded(tmp_path / "out.mp4")).to_ndarray(format="rgb24")
    luma = np.clip((made[0].planes[0] - 16.0) * 255 / 219, 0, 255)
    assert abs(float(pixels.mean()) - float(luma.mean())) < 1


def test_the_last_packets_come_one_by_one() -> None:
    info, made = frames("yuv420p", 30)
    setup = EncoderSetup.of("libx264", "yuv420p", info, WriteOptions(), info.time_base)
    setup = replace(setup, options={"x264-params": "rc-lookahead=10:bframes=2"})
    encoder = VideoEncoder(new_context("libx264"), setup, Retimer(info.time_base, info.time_base))
    early = [packet for frame in made for packet in encoder.encode(frame)]
    asked: list[int] = []
    encoder._context = Counting(encoder._context, asked)
    flushed = encoder.flush()
    next(flushed)
    assert len(asked) == 1, "so that a signal is heard before the next one is made"
    assert sum(1 for _ in flushed) > 2
    assert len(early) + len(asked) == 30


class Counting:
    """A codec context that notes the packets asked of it."""

    def __init__(self, context: VideoCodecContext, asked: list[int]) -> None:
        self._context, self._asked = context, asked

    def encode_lazy(self, frame: av.VideoFrame | None) -> Iterator[av.Packet]:
        for packet in self._context.encode_lazy(frame):
            self._asked.append(packet.size)
            yield packet


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    info, made = frames("yuv420p", 1)
    _, other = frames("yuv420p", 1, width=32, height=32)
    sink = sink_for(tmp_path / "out.mp4")
    sink.open(sink.negotiate(info))
    sink.write(made[0])
    with pytest.raises(EncodeError, match="64x48"):
        sink.write(other[0])
    sink.abort()
