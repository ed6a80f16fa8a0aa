"""Pictures that stay on the device: out of a real decoder by DLPack; and what does not stay."""

from __future__ import annotations

import gc
import logging
import weakref
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.hwaccel import HWAccel

from streamsr.media import decoder, hwaccel
from streamsr.media.convert import conform
from streamsr.media.filters import FilterChain
from streamsr.media.open import open_source
from streamsr.media.read_options import ReadOptions
from streamsr.notices import say_once
from streamsr.residence import DevicePlanes
from tests.clips import make_clip
from tests.fake_nvdec import FakeNvdec, There

from .pictures import SIZE, equal, opened


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
