"""Decoding and encoding on a GPU: what is asked for, and that a machine without one goes on, or says why not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from av.codec.hwaccel import HWAccel

from streamsr.errors import ConfigError, UnsupportedFormatError
from streamsr.media import decoder, hwaccel
from streamsr.media.codecs import codec_options, encoder_defaults
from streamsr.media.create import create_sink
from streamsr.media.open import open_source
from streamsr.media.options import WriteOptions
from streamsr.media.read_options import ReadOptions
from streamsr.notices import say_once
from tests.clips import make_clip

HERE = hwaccel._problem(None) is None


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    say_once.cache_clear()
    path = tmp_path / "clip.mp4"
    make_clip(path, frames=4, width=64, height=48)
    return path


def decoded(clip: Path, name: str) -> list[tuple[np.ndarray, ...]]:
    source = open_source(clip, ReadOptions(hwaccel=name))
    try:
        return [tuple(plane.copy() for plane in frame.planes) for frame in source]
    finally:
        source.close()


@pytest.mark.parametrize(("name", "warnings"), [("none", 0), ("auto", 0), ("cuda", 1), ("cuda:1", 1)])
def test_the_frames_are_the_same_wherever_they_are_decoded(
    name: str, warnings: int, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frames, again = decoded(clip, name), decoded(clip, name)
    assert len(frames) == len(again) == 4
    for planes, right in zip(frames, decoded(clip, "none"), strict=True):
        assert np.array_equal(planes[0], right[0])  # luma; a GPU gives chroma as one plane
    if HERE:
        pytest.skip("a GPU decodes here: nothing is said")
    assert len(caplog.messages) == warnings
    assert all(message.startswith("no decoding on the GPU, the driver does not") for message in caplog.messages)


def test_a_gpu_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hwaccel, "_problem", lambda device: None)
    chosen = hwaccel.accelerator("cuda:1")
    assert isinstance(chosen, HWAccel)
    assert chosen.device_id == 1
    assert not chosen.is_hw_owned
    assert isinstance(hwaccel.accelerator("auto"), HWAccel)
    assert hwaccel.accelerator("none") is None


def test_the_gpu_asked_for_is_the_one_looked_for(
    clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hwaccel, "_problem", lambda device: None if device is None else "there is no such device")
    assert len(decoded(clip, "cuda:7")) == 4
    (message,) = caplog.messages  # and no second one about the codec
    assert message.startswith("no decoding on the GPU, there is no such device")


@pytest.mark.parametrize(
    ("accelerated", "form", "host"),
    [
        (True, "nv12", False),
        (True, "p010le", False),
        (True, "yuv420p", True),
        (True, None, True),
        (False, "nv12", False),
    ],
)
def test_frames_tell_who_decoded_them(accelerated: bool, form: str | None, host: bool) -> None:
    frame = form and SimpleNamespace(format=SimpleNamespace(name=form))
    assert hwaccel.on_host(SimpleNamespace(is_hwaccel=accelerated), frame) is host


def test_a_gpu_that_turns_out_not_to_decode_gives_the_threads_back(
    clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(decoder, "accelerator", lambda name, stay: asked.append(name))
    monkeypatch.setattr(decoder, "on_host", lambda context, frame: True)
    assert len(decoded(clip, "cuda")) == len(decoded(clip, "cuda")) == 4
    assert asked == ["cuda", "none", "cuda", "none"]
    assert len(caplog.messages) == 1
    assert caplog.messages[0].endswith(" h264: the CPU does it")


def test_nvenc_is_given_yuv_unless_asked() -> None:
    for codec in ("h264_nvenc", "hevc_nvenc", "av1_nvenc"):
        assert encoder_defaults(codec).avoid == {"rgb", "alpha"}


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:x", "nvdec"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="it is auto, none, cuda, or cuda:1"):
        ReadOptions(hwaccel=name)


@pytest.mark.parametrize("codec", ["h264_nvenc", "hevc_nvenc", "av1_nvenc"])
def test_crf_is_the_constant_quality_of_nvenc(codec: str) -> None:
    assert codec_options(codec, WriteOptions()) == {"rc": "vbr", "b": "0", "cq": "20", "preset": "p5"}
    asked = WriteOptions(crf=27.5, preset="p7")
    assert codec_options(codec, asked) == {"rc": "vbr", "b": "0", "cq": "27.5", "preset": "p7"}
    assert codec_options(codec, WriteOptions(codec_options={"qp": "20"})) == {"preset": "p5"}
    with pytest.raises(ConfigError, match=f"crf is 99; {codec} takes 0 to (51|63)"):
        codec_options(codec, WriteOptions(crf=99))


def test_an_encoder_that_does_not_open_says_what_it_needs(clip: Path, tmp_path: Path) -> None:
    source = open_source(clip)
    sink = create_sink(str(tmp_path / "out.mp4"), WriteOptions(codec="h264_nvenc"))
    if HERE:
        assert sink.negotiate(source.info).layout.name == source.info.layout.name
    else:
        with pytest.raises(UnsupportedFormatError, match=r"h264_nvenc does not open .* needs an NVIDIA GPU .* doctor"):
            sink.negotiate(source.info)
    sink.abort()
    source.close()
