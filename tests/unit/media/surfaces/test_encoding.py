"""Pictures that stay on the device: into a real encoder by DLPack; and what comes to the host before it."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from streamsr.errors import EncodeError
from streamsr.frame import Frame, VideoInfo
from streamsr.layout import pixel_layout
from streamsr.media import encoder, surfaces
from streamsr.media.encoder import EncoderSetup, VideoEncoder, new_context
from streamsr.media.open import open_source
from streamsr.media.options import WriteOptions
from streamsr.media.retime import Retimer
from streamsr.media.sink import FileSink
from streamsr.media.y4m_sink import Y4mSink
from streamsr.residence import DevicePlane, DevicePlanes
from tests.clips import make_clip
from tests.fake_nvdec import FakeNvdec

from .pictures import SIZE, opened


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
