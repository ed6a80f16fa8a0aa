"""Frames that never leave the device: a real decoder, the engine on its double, a real encoder, DLPack between them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from streamsr import api
from streamsr.assembly import EngineOptions
from streamsr.chain import Chain, stream_format
from streamsr.engines import available
from streamsr.engines.backend import CompileOptions
from streamsr.engines.base import Engine
from streamsr.engines.tensorrt import TensorRT
from streamsr.engines.tensorrt_surfaces import Surfaces
from streamsr.frame import Frame
from streamsr.graph.frame_graph import build_frame_graph
from streamsr.infer import Inference
from streamsr.look import StyleOptions
from streamsr.media.encoder import EncoderSetup, VideoEncoder, new_context
from streamsr.media.open import open_source
from streamsr.media.options import WriteOptions
from streamsr.media.read_options import ReadOptions
from streamsr.media.retime import Retimer
from streamsr.notices import say_once
from streamsr.registry import Registry
from streamsr.residence import DevicePlanes
from tests.clips import make_clip
from tests.fake_cuda import FakeDriver
from tests.fake_nvdec import FakeNvdec
from tests.fake_tensorrt import FakeTensorRT, plan
from tests.nets import small

DRIVER = FakeDriver()
SIZE = {"width": 50, "height": 34}
ENGINE = EngineOptions(backend="tensorrt", precision="fp32", cache=False)


def backend() -> TensorRT:
    library = FakeTensorRT(DRIVER, scratch=0, flavour="tensorrt")
    return TensorRT("tensorrt", module=library, drivers=lambda index: DRIVER, planner=plan)


class Fetches:
    """Counts the pictures that come from the device to the host, whoever made them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        fetch = DevicePlanes.arrays

        def counted(planes: DevicePlanes) -> tuple[np.ndarray, ...]:
            self.count += 1
            return fetch(planes)

        patch.setattr(DevicePlanes, "arrays", counted)


@pytest.fixture
def nvdec(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNvdec]:
    say_once.cache_clear()
    places = {"tensorrt": f"{__name__}:backend", "onnxruntime": available.BACKENDS._entries["onnxruntime"]}
    monkeypatch.setattr(available, "BACKENDS", Registry("backend", places))
    monkeypatch.setattr(available, "device_count", lambda: 1)
    yield FakeNvdec(monkeypatch)
    gc.collect()
    assert DRIVER.used("device") == DRIVER.used("host") == 0


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> Fetches:
    return Fetches(monkeypatch)


def upscaled(clip: Path, output: Path, hwaccel: str = "cuda", **options) -> list[bytes]:
    """A file through the whole program, its pictures as they are: x264 does not give the same bytes every time."""
    with Chain(
        "fast-x2", options=EngineOptions(**{"backend": "tensorrt", "precision": "fp32", "cache": False} | options)
    ) as chain:
        reading, writing = ReadOptions(hwaccel=hwaccel), WriteOptions(codec="rawvideo", pix_fmt="nv12", overwrite=True)
        report = api.process_file(str(clip), str(output), chain=chain, reading=reading, writing=writing)
    assert report.frames == 8
    with av.open(str(output)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_a_file_is_the_same_and_nothing_comes_to_the_host(
    nvdec: FakeNvdec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fetches: Fetches,
    caplog: pytest.LogCaptureFixture,
) -> None:
    clip = tmp_path / "clip.mp4"
    make_clip(clip, frames=8, **SIZE)
    found = upscaled(clip, tmp_path / "there.mkv")
    assert fetches.count <= 2 * 2  # those that the new engine is checked with
    with monkeypatch.context() as patch:
        patch.setattr(api, "_shared_device", lambda chain, reading: None)
        downloads = nvdec.downloads
        wanted = upscaled(clip, tmp_path / "host.mkv")
        assert nvdec.downloads == downloads
    assert found == wanted
    assert caplog.messages == []


@pytest.mark.parametrize("half", ["decoder", "encoder"])
def test_each_half_falls_back_alone(
    half: str, nvdec: FakeNvdec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clip = tmp_path / "clip.mp4"
    make_clip(clip, frames=8, **SIZE)
    wanted = upscaled(clip, tmp_path / "there.mkv")
    if half == "decoder":
        nvdec.refuses = True
    else:

        def refused(*_: object) -> av.VideoFrame:
            raise av.error.ExternalError(-542398533, "incompatible flags")

        monkeypatch.setattr("streamsr.media.encoder.frame_there", refused)
    assert upscaled(clip, tmp_path / "half.mkv") == wanted
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("pictures come to the host")


@pytest.mark.parametrize(
    "options", [{"backend": "onnxruntime"}, {"tile": 40}, {"device": "cuda:1"}], ids=["cpu", "tiles", "another gpu"]
)
def test_engines_that_want_the_host_get_it(options: dict, nvdec: FakeNvdec, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    make_clip(clip, frames=8, **SIZE)
    assert upscaled(clip, tmp_path / "a.mkv", **options) == upscaled(
        clip, tmp_path / "b.mkv", hwaccel="none", **options
    )
    assert nvdec.downloads == 0  # they have never been elsewhere


def test_a_chain_is_at_home_where_its_engines_take_frames(nvdec: FakeNvdec, monkeypatch: pytest.MonkeyPatch) -> None:
    def home(style: StyleOptions | None = None, **options) -> str | None:
        with Chain("style-live" if style else "fast-x2", options=replace(ENGINE, **options), style=style) as chain:
            return chain.home

    assert home() == home(tile=None) == home(device="cuda") == "cuda:0"
    assert home(tile=64) is home(backend="onnxruntime") is home(devices=("cuda:0",)) is None
    assert home(StyleOptions("udnie", smooth=0.5)) == "cuda:0"
    assert home(StyleOptions("udnie", smooth=0, smooth_backend="host")) == "cuda:0"
    assert home(StyleOptions("udnie", smooth=0.5, smooth_backend="host")) is None
    shared: list[int] = []
    monkeypatch.setattr("streamsr.chain.share_context", shared.append)
    with Chain("fast-x2", options=ENGINE) as chain:
        asked = [api._shared_device(chain, ReadOptions(hwaccel=name)) for name in ("none", "auto", "cuda:1", "cuda")]
    assert asked == [None, None, None, "cuda:0"]
    assert shared == [0]


def test_frames_of_the_api_stay_until_they_are_looked_at(nvdec: FakeNvdec, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    make_clip(clip, frames=8, **SIZE)
    options = {"hwaccel": "cuda", "backend": "tensorrt", "precision": "fp32", "cache": False}
    with api.frames(clip, model="fast-x2", **options) as video:
        found = list(video)
    assert nvdec.downloads == 2  # for the check of the new engine
    assert not any(isinstance(frame.planes, DevicePlanes) for frame in found)
    assert found[0].planes[0].shape == (68, 100)
    del found


def engine_for(source: Frame, smooth: float) -> Engine:
    form = stream_format(source)
    return backend().build(
        build_frame_graph([small("luma")], form, smooth=smooth), "fp32", CompileOptions(device="cuda:0")
    )


def packets(frames: Iterator[Frame], info, codec: str) -> list[bytes]:
    setup = EncoderSetup.of(codec, info.layout.name, info, WriteOptions(), info.time_base)
    video = VideoEncoder(new_context(codec), setup, Retimer(info.time_base, info.time_base))
    found = [packet for frame in frames for packet in video.encode(frame)]
    return [bytes(packet) for packet in (*found, *video.flush())]


@pytest.mark.parametrize("smooth", [0.0, 0.85], ids=["stateless", "recurrent"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_every_depth_with_and_without_state(
    pix_fmt: str, smooth: float, nvdec: FakeNvdec, tmp_path: Path, fetches: Fetches
) -> None:
    clip = tmp_path / "clip.mkv"
    make_clip(clip, frames=6, pix_fmt=pix_fmt, codec="libx264", **SIZE)
    results = []
    for device in (None, "cuda:0"):
        with closing(open_source(clip, ReadOptions(hwaccel="cuda", resident=device is not None))) as source:
            assert source.info.device == device
            with Chain("fast-x2", options=ENGINE) as chain:
                info = replace(chain.output_info(source.info), device=device)
            engine = engine_for(source.info, smooth)
            inference = Inference(engine, stream_format(info), device=device)
            results.append(packets(inference(source), info, "rawvideo"))
            engine.close()
    assert len(results[0]) == 6
    assert results[0] == results[1]
    assert fetches.count == nvdec.downloads == 0


def test_an_encoder_that_looks_ahead_keeps_its_pictures(
    nvdec: FakeNvdec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    take = Surfaces.take

    def counted(surfaces: Surfaces) -> int:
        taken.append(take(surfaces))
        return taken[-1]

    monkeypatch.setattr(Surfaces, "take", counted)
    clip = tmp_path / "clip.mp4"
    make_clip(clip, frames=8, **SIZE)
    upscaled(clip, tmp_path / "out.mkv")
    assert len(taken) == 8
    assert 1 < len(set(taken)) <= 8
