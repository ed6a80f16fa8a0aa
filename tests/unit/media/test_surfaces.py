"""Pictures that stay on the device: out of a real decoder, into a real encoder, by DLPack; and what does not stay."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.hwaccel import HWAccel
from av.video.codeccontext import VideoCodecContext

from streamsr.errors import EncodeError
from streamsr.frame import Frame, Source, VideoInfo
from streamsr.layout import pixel_layout
from streamsr.media import decoder, encoder, hwaccel, surfaces
from streamsr.media.convert import conform
from streamsr.media.encoder import EncoderSetup, VideoEncoder, new_context
from streamsr.media.filters import FilterChain
from streamsr.media.open import open_source
from streamsr.media.options import WriteOptions
from streamsr.media.read_options import ReadOptions
from streamsr.media.retime import Retimer
from streamsr.media.sink import FileSink
from streamsr.media.y4m_sink import Y4mSink
from streamsr.notices import say_once
from streamsr.residence import DevicePlane, DevicePlanes
from tests.clips import make_clip
from tests.fake_nvdec import FakeNvdec, There

KINDS = {"yuv420p": "nv12", "yuv420p10le": "p010le"}
SIZE = {"width": 50, "height": 34}
"""No row of it is as long as FFmpeg makes rows."""


@pytest.fixture
def nvdec(monkeypatch: pytest.MonkeyPatch) -> FakeNvdec:
    say_once.cache_clear()
    return FakeNvdec(monkeypatch)


@pytest.fixture(params=KINDS)
def clip(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "clip.mkv"
    make_clip(path, frames=5, pix_fmt=request.param, codec="libx264", **SIZE)
    return path


def opened(clip: Path, **options) -> Source:
    return open_source(clip, ReadOptions(hwaccel="cuda", **options))


def equal(a: Frame, b: Frame) -> bool:
    same = (a.layout, a.pts, a.duration, a.cut) == (b.layout, b.pts, b.duration, b.cut)
    return same and all(np.array_equal(x, y) for x, y in zip(a.planes, b.planes, strict=True))


def test_planes_that_stayed_are_those_that_came(nvdec: FakeNvdec, clip: Path) -> None:
    host, source = opened(clip), opened(clip, resident=True)
    assert (host.info.device, source.info.device) == (None, "cuda:0")
    assert replace(source.info, device=None) == host.info
    frames, wanted = list(source), list(host)
    assert len(frames) == len(wanted) == 5
    assert nvdec.downloads == 0
    source.close()
    gc.collect()
    for frame in frames:
        assert isinstance(frame.planes, DevicePlanes)
        assert all(plane.pitch > plane.row_bytes for plane in frame.planes.surfaces)
        arrays = [np.from_dlpack(plane) for plane in frame.planes.surfaces]
        assert all(np.array_equal(a, b) for a, b in zip(arrays, frame.planes, strict=True))
    assert all(equal(a, b) for a, b in zip(frames, wanted, strict=True))
    assert nvdec.downloads == 5
    host.close()


def test_a_part_stays_too(nvdec: FakeNvdec, clip: Path) -> None:
    part = {"start": Fraction(2, 25), "frames": 2}
    host, source = opened(clip, **part), opened(clip, resident=True, **part)
    pairs = list(zip(source, host, strict=True))
    assert nvdec.downloads == 0
    assert all(equal(a, b) for a, b in pairs)
    assert nvdec.downloads == len(pairs) == 2
    host.close()
    source.close()


@pytest.mark.parametrize(
    ("clip_options", "reason"),
    [
        ({"width": 51, "pix_fmt": "yuv444p"}, "51x34 p010le|51x34 nv12"),
        ({"height": 35, "pix_fmt": "yuv444p"}, "50x35 p010le|50x35 nv12"),
    ],
)
def test_what_cannot_stay_comes_to_the_host_and_is_told_once(
    clip_options: dict, reason: str, nvdec: FakeNvdec, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "odd.mkv"
    make_clip(path, frames=2, codec="libx264", **(SIZE | clip_options))
    for _ in range(2):
        source = opened(path, resident=True)
        assert source.info.device is None
        assert not any(isinstance(frame.planes, DevicePlanes) for frame in source)
        source.close()
    (message,) = caplog.messages
    assert message.startswith("pictures come to the host once they are decoded: ")
    assert message.split(": ")[1].removesuffix(" does not stay on the GPU") in reason


def test_a_gpu_that_is_not_shared_is_told_once_and_decodes_to_the_host(
    nvdec: FakeNvdec, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nvdec.refuses = True
    source = opened(clip, resident=True)
    assert source.info.device is None
    assert len([frame for frame in source if not isinstance(frame.planes, DevicePlanes)]) == 5
    (message,) = caplog.messages
    assert message.startswith("pictures come to the host once they are decoded: the GPU is not shared with FFmpeg")
    source.close()
    caplog.clear()
    say_once.cache_clear()
    open_source(clip, ReadOptions(hwaccel="auto", resident=True)).close()
    assert caplog.messages == []


def test_a_gpu_that_gives_up_when_it_shall_share_is_told_once_and_decodes_to_the_host(
    nvdec: FakeNvdec, clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """FFmpeg sets the GPU's decoder up with the first packet, and takes the CPU instead without a word."""
    decoded, opens = nvdec.decoded, []
    start = decoder.Decoder._open
    monkeypatch.setattr(decoder.Decoder, "_open", lambda self: (opens.append(self._stay), start(self))[1])
    monkeypatch.setattr(nvdec, "decoded", lambda frame, *, stay: frame if stay else decoded(frame, stay=False))
    host, source = opened(clip), opened(clip, resident=True)
    assert source.info == host.info
    assert opens == [False, False, True, False]
    assert all(equal(a, b) for a, b in zip(source, host, strict=True))
    (message,) = caplog.messages
    assert message.endswith("the GPU is not shared with FFmpeg, it decodes nothing that stays")
    source.close()
    host.close()


def test_the_first_picture_that_stays_is_given_up_once_it_is_read(nvdec: FakeNvdec, clip: Path) -> None:
    source = opened(clip, resident=True)
    frames = iter(source)
    held = weakref.ref(next(frames).planes.surfaces[0].owner)
    next(frames)
    gc.collect()
    assert held() is None
    source.close()


def interlaced_from(first: int, nvdec: FakeNvdec, monkeypatch: pytest.MonkeyPatch, count: int = 1000) -> None:
    """Have the decoder call `count` frames interlaced from the `first` one on that stays."""
    decoded, numbers = nvdec.decoded, iter(range(1000))

    def mixed(frame: av.VideoFrame, *, stay: bool) -> av.VideoFrame:
        picture = decoded(frame, stay=stay)
        if not stay or next(numbers) not in range(first, first + count):
            return picture
        fields = FilterChain(picture, ("setfield", "mode=tff")).through(picture)
        fields.opaque, fields.time_base = There(), picture.time_base
        return fields

    monkeypatch.setattr(nvdec, "decoded", mixed)


def test_interlaced_frames_leave_the_device_before_they_are_mended(
    nvdec: FakeNvdec, clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    interlaced_from(2, nvdec, monkeypatch)
    source = opened(clip, resident=True)
    frames = list(source)
    assert [isinstance(frame.planes, DevicePlanes) for frame in frames] == [True, True, False, False, False]
    assert nvdec.downloads == 3
    assert [frame.pts for frame in frames] == sorted(frame.pts for frame in frames)
    (message,) = caplog.messages
    assert message.endswith("once they are decoded: from the first interlaced one on, as that is mended there")
    source.close()


def test_what_follows_an_interlaced_frame_comes_to_the_host_with_it(
    nvdec: FakeNvdec, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interlaced_from(1, nvdec, monkeypatch, count=1)
    source = opened(clip, resident=True)
    assert [isinstance(frame.planes, DevicePlanes) for frame in source] == [True, False, False, False, False]
    source.close()


def test_a_stream_that_begins_interlaced_does_not_stay(
    nvdec: FakeNvdec, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "fields.mkv"
    make_clip(path, frames=4, codec="libx264", options={"x264-params": "tff=1:interlaced=1"}, width=64, height=48)
    source = opened(path, resident=True)
    assert source.info.device is None
    assert "they are interlaced, and that is mended there" in caplog.messages[0]
    source.close()
    source = opened(path, resident=True, deinterlace=False)
    assert source.info.device == "cuda:0"
    source.close()


def test_another_size_midway_comes_to_the_host(nvdec: FakeNvdec, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded, count = nvdec.decoded, iter(range(1000))

    def resized(frame: av.VideoFrame, *, stay: bool) -> av.VideoFrame:
        picture = decoded(frame, stay=stay)
        if not stay or next(count) < 2:
            return picture
        return decoded(conform(frame, 40, 34, frame.format.name), stay=True)

    monkeypatch.setattr(nvdec, "decoded", resized)
    source = opened(clip, resident=True)
    frames = list(source)
    assert [isinstance(frame.planes, DevicePlanes) for frame in frames] == [True, True, False, False, False]
    assert {frame.planes[0].shape for frame in frames} == {(34, 50)}
    source.close()


def surface(frame: Frame) -> Frame:
    """A frame as an engine on the device gives it: all planes in one block, rows at a pitch of 256 bytes."""
    rows = [plane.shape[0] for plane in frame.planes]
    block = np.full((sum(rows), 256), 77, np.uint8)
    planes, begin = [], 0
    for plane, count in zip(frame.planes, rows, strict=True):
        samples = block[begin : begin + count].view(plane.dtype)
        width = plane.nbytes // count // plane.itemsize
        view = samples[:, :width].reshape(plane.shape) if plane.ndim == 2 else _as_pairs(samples, plane.shape)
        view[...] = plane
        planes.append(DevicePlane.from_dlpack(view))
        begin += count

    def fetch() -> tuple[np.ndarray, ...]:
        raise AssertionError("nobody should look at it")

    return replace(frame, planes=DevicePlanes(planes, fetch))


def _as_pairs(rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    item = rows.itemsize
    return np.lib.stride_tricks.as_strided(rows, shape, (256, 2 * item, item))


def encoded(info: VideoInfo, frames: Iterable[Frame], codec: str) -> list[tuple[int | None, bytes]]:
    """The packets of one encoder, and when they are shown."""
    setup = EncoderSetup.of(codec, info.layout.name, info, WriteOptions(), info.time_base)
    video = VideoEncoder(new_context(codec), setup, Retimer(info.time_base, info.time_base))
    found = [packet for frame in frames for packet in video.encode(frame)]
    return [(packet.pts, bytes(packet)) for packet in (*found, *video.flush())]


def fetchable(frame: Frame) -> Frame:
    """A `surface` that may be looked at."""
    held = surface(frame).planes
    assert isinstance(held, DevicePlanes)
    return replace(frame, planes=DevicePlanes(held.surfaces, lambda: frame.planes))


def test_an_encoder_takes_surfaces_where_they_lie(nvdec: FakeNvdec, clip: Path) -> None:
    source = opened(clip)
    frames = list(source)
    found = encoded(replace(source.info, device="cuda:0"), map(surface, frames), "rawvideo")
    assert len(found) == 5
    assert found == encoded(source.info, frames, "rawvideo")
    source.close()


def test_the_first_frame_decides_what_the_encoder_opens_for(nvdec: FakeNvdec, clip: Path) -> None:
    source = opened(clip)
    frames = list(source)
    there, wanted = replace(source.info, device="cuda:0"), encoded(source.info, frames, "rawvideo")
    assert encoded(there, [surface(frames[0]), frames[1], *map(surface, frames[2:])], "rawvideo") == wanted
    assert encoded(there, [frames[0], *map(fetchable, frames[1:])], "rawvideo") == wanted
    source.close()


def test_a_gpu_that_is_not_shared_with_the_encoder_is_told_once(
    nvdec: FakeNvdec, clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = opened(clip)
    frames = list(source)
    wanted = encoded(source.info, frames, "rawvideo")

    def refused(*_: object) -> av.VideoFrame:
        raise av.error.ExternalError(-542398533, "incompatible flags")

    monkeypatch.setattr(encoder, "frame_there", refused)
    assert encoded(replace(source.info, device="cuda:0"), map(fetchable, frames), "rawvideo") == wanted
    (message,) = caplog.messages
    assert message.startswith("pictures come to the host before they are encoded: FFmpeg does not share the GPU")
    source.close()


def test_a_file_opens_with_its_first_frame(nvdec: FakeNvdec, tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", frames=5, **SIZE)
    source = opened(tmp_path / "clip.mp4")
    frames, found = list(source), []
    for device in (None, "cuda:0"):
        sink = FileSink(tmp_path / "out.mp4", WriteOptions(codec="libx264", overwrite=True))
        info = sink.negotiate(replace(source.info, device=device))
        assert info.device == device
        sink.open(info)
        for frame in frames:
            sink.write(frame if device is None else surface(frame))
        sink.close()
        with av.open(str(tmp_path / "out.mp4")) as container:
            found.append([(shown.pts, shown.to_ndarray().astype(int)) for shown in container.decode(video=0)])
    assert [pts for pts, _ in found[0]] == [pts for pts, _ in found[1]]
    assert len(found[0]) == 5
    assert all(np.abs(a - b).mean() < 1 for (_, a), (_, b) in zip(*found, strict=True))
    source.close()


def encoders() -> int:
    """How many there are. Types are asked for, as `isinstance` asks the objects, and some of torch's warn then."""
    gc.collect()
    return sum(type(each) is VideoCodecContext and each.is_encoder for each in gc.get_objects())


def test_an_encoder_that_does_not_open_on_the_device_says_what_to_do_and_is_gone_before_its_error(
    nvdec: FakeNvdec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who made the frames frees their memory after the run, and an encoder there must not have it then."""
    make_clip(tmp_path / "clip.mp4", frames=1, **SIZE)
    source = opened(tmp_path / "clip.mp4")
    frames = list(source)
    sink = FileSink(tmp_path / "out.mkv", WriteOptions(codec="libx264"))
    begin, others = VideoEncoder.__init__, encoders()

    def spoilt(video: VideoEncoder, context: VideoCodecContext, *rest: object) -> None:
        begin(video, context, *rest)
        context.options = {"profile": "nonsense"}

    monkeypatch.setattr(VideoEncoder, "__init__", spoilt)
    sink.open(sink.negotiate(replace(source.info, device="cuda:0")))
    assert encoders() == others + 1
    with pytest.raises(EncodeError, match=r"libx264 failed at 0\.000 s: .*; leave out --hwaccel cuda") as caught:
        sink.write(surface(frames[0]))
    sink.abort()
    assert caught.value.__traceback__ is not None
    assert encoders() == others
    source.close()


def test_only_frames_of_a_device_are_told_to_come_from_the_host(nvdec: FakeNvdec, clip: Path) -> None:
    source = opened(clip)
    frames = list(source)
    for device, hint in (("cuda:0", True), (None, False)):
        info = replace(source.info, device=device)
        setup = EncoderSetup.of("rawvideo", info.layout.name, info, WriteOptions(), info.time_base)
        video = VideoEncoder(new_context("rawvideo"), setup, Retimer(info.time_base, info.time_base))
        first, second = (surface(frame) if device else frame for frame in frames[:2])
        video.encode(first)
        list(video.flush())
        with pytest.raises(EncodeError, match="rawvideo failed at ") as caught:
            video.encode(second)
        assert ("leave out --hwaccel cuda" in str(caught.value)) is hint
    source.close()


def test_a_file_given_up_before_its_first_frame_leaves_nothing(nvdec: FakeNvdec, clip: Path, tmp_path: Path) -> None:
    source = opened(clip)
    for end in ("abort", "close"):
        sink = FileSink(tmp_path / f"{end}.mkv", WriteOptions(codec="rawvideo"))
        sink.open(sink.negotiate(replace(source.info, device="cuda:0")))
        if end == "close":
            with pytest.raises(EncodeError, match="no frame was written"):
                sink.close()
        else:
            sink.abort()
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mkv"]
    source.close()


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "width", "height", "fits"),
    [
        ("h264_nvenc", "nv12", 64, 48, True),
        ("hevc_nvenc", "p010le", 64, 48, True),
        ("h264_nvenc", "yuv420p", 64, 48, False),
        ("h264_nvenc", "nv12", 63, 48, False),
        ("h264_nvenc", "nv12", 64, 47, False),
        ("libx264", "nv12", 64, 48, False),
    ],
)
def test_who_takes_pictures_from_a_device(codec: str, pix_fmt: str, width: int, height: int, fits: bool) -> None:
    assert surfaces.fits_there(codec, pix_fmt, width, height) is fits


def test_a_layout_that_can_stay_is_preferred_to_its_equal(nvdec: FakeNvdec, clip: Path, tmp_path: Path) -> None:
    host = open_source(clip)
    sink = FileSink(tmp_path / "out.mkv", WriteOptions(codec="libx264"))
    info = replace(host.info, layout=pixel_layout("yuv420p"))
    assert sink.negotiate(info).layout.name == "yuv420p"
    there = sink.negotiate(replace(info, device="cuda:0"))
    assert (there.layout.name, there.device) == ("nv12", "cuda:0")
    asked = FileSink(tmp_path / "out.mkv", WriteOptions(codec="libx264", pix_fmt="yuv420p"))
    kept = asked.negotiate(replace(info, device="cuda:0"))
    assert (kept.layout.name, kept.device) == ("yuv420p", None)
    host.close()


def test_other_sinks_want_them_on_the_host(clip: Path, tmp_path: Path) -> None:
    source = open_source(clip)
    there = replace(source.info, device="cuda:0", layout=pixel_layout("yuv420p"))
    assert FileSink(tmp_path / "out.mkv", WriteOptions(codec="libx264")).negotiate(there).device is None
    assert Y4mSink(str(tmp_path / "out.y4m")).negotiate(there).device is None
    source.close()


def test_the_decoder_shares_the_context_of_the_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hwaccel, "_problem", lambda device: None)
    chosen = hwaccel.accelerator("cuda:1", stay=True)
    assert isinstance(chosen, HWAccel)
    assert chosen.is_hw_owned
    assert chosen.options == {"primary_ctx": "1"}
    assert [hwaccel.device_of(name) for name in ("none", "auto", "cuda", "cuda:1")] == [
        None,
        None,
        "cuda:0",
        "cuda:1",
    ]


def test_a_machine_without_a_gpu_decodes_as_ever(clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    if hwaccel._problem(None) is None:
        pytest.skip("a GPU decodes here")
    say_once.cache_clear()
    with caplog.at_level(logging.WARNING):
        source = opened(clip, resident=True)
    assert source.info.device is None
    assert len(list(source)) == 5
    (message,) = caplog.messages
    assert message.startswith("no decoding on the GPU")
    source.close()
