"""One video over several devices: the frames are those of one device, in order, and the report names them all."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import av
import numpy as np
import onnx
import pytest

import streamsr
from streamsr.assembly import EngineOptions
from streamsr.chain import Chain
from streamsr.engines import available
from streamsr.engines.onnxruntime_devices import PROVIDERS, Provider
from streamsr.engines.tensorrt import TensorRT
from streamsr.errors import ConfigError, DeviceMemoryError
from streamsr.graph.frame_graph import FrameGraph
from streamsr.look import StyleOptions
from streamsr.notices import say_once
from streamsr.registry import Registry
from streamsr.spec import METADATA_KEY, ModelSpec
from tests.clips import LOSSLESS, make_clip
from tests.fake_cuda import FakeDriver
from tests.fake_tensorrt import FakeTensorRT, plan
from tests.integration.conftest import Run
from tests.nets import small

THREAD = threading.local()
PLANNED: list[FrameGraph] = []


class Gpu(FakeDriver):
    """A device that knows, as CUDA does, whether it is the current one."""

    def activate(self) -> None:
        super().activate()
        THREAD.gpu = self


class Library(FakeTensorRT):
    """One library for all devices: it works on the current one."""

    def __init__(self) -> None:
        super().__init__(GPUS[0], scratch=0, flavour="tensorrt")

    @property
    def driver(self) -> FakeDriver:
        return THREAD.gpu

    @driver.setter
    def driver(self, driver: FakeDriver) -> None:
        """The current one is asked for every time."""


GPUS = Gpu(), Gpu()


def planned(graph: FrameGraph, *options: object) -> bytes:
    PLANNED.append(graph)
    return plan(graph, *options)


def backend() -> TensorRT:
    return TensorRT("tensorrt", module=Library(), drivers=GPUS.__getitem__, planner=planned)


@pytest.fixture(autouse=True)
def _two_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Besides what is here: two GPUs that are not, and a second device of ONNX Runtime's, which is in every build."""
    places = {**available.BACKENDS._entries, "tensorrt": f"{__name__}:backend"}
    monkeypatch.setattr(available, "BACKENDS", Registry("backend", places))
    azure = Provider("AzureExecutionProvider", "onnxruntime", numbered=False)
    monkeypatch.setitem(PROVIDERS, "azure", azure)
    monkeypatch.setenv("STREAMSR_CACHE_DIR", str(tmp_path / "cache"))
    PLANNED.clear()
    say_once.cache_clear()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    make_clip(tmp_path / "in.mkv", frames=20, **LOSSLESS)
    return tmp_path / "in.mkv"


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


def upscaled(clip: Path, **options: object) -> tuple[streamsr.Report, list[np.ndarray]]:
    out = clip.with_name("out.mkv")
    options = {"codec": "ffv1", "precision": "fp32", "threads": 1, "overwrite": True, "backend": "tensorrt", **options}
    report = streamsr.upscale(clip, out, model="fast-x2", **options)
    return report, frames_of(out)


def test_two_gpus_share_a_plan_and_a_video(clip: Path) -> None:
    _, wanted = upscaled(clip, device="cuda:0")
    assert len(PLANNED) == 1
    report, found = upscaled(clip, devices=("cuda:0", "cuda:1"))
    assert (report.backend, report.device, report.frames) == ("tensorrt", "cuda:0,cuda:1", 20)
    assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))
    assert len(PLANNED) == 1  # of a GPU of the same name
    assert all(gpu.done for gpu in GPUS)  # both have worked
    assert [gpu.used("device") for gpu in GPUS] == [0, 0]


def test_a_gpu_without_room_is_left_out(
    clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(GPUS[1], "room", 1000)
    report, found = upscaled(clip, devices=("cuda:1", "cuda:0"))
    assert (report.device, len(found)) == ("cuda:0", 20)
    assert caplog.messages[-1].startswith("a device is left out, cuda:1: fast-x2 does not fit into the device's memory")
    monkeypatch.setattr(GPUS[0], "room", 1000)
    with pytest.raises(DeviceMemoryError, match=r"cuda:1: fast-x2 .*; cuda:0: fast-x2 "):
        upscaled(clip, devices=("cuda:1", "cuda:0"))
    assert [gpu.used("device") for gpu in GPUS] == [0, 0]


def test_a_device_that_is_not_there_is_left_out(clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    report, found = upscaled(clip, devices=("CPU", "TPU"), backend="onnxruntime")
    assert (report.device, len(found)) == ("CPU", 20)
    assert caplog.messages[-1].startswith("a device is left out, TPU: onnxruntime has no device TPU")
    with pytest.raises(ConfigError, match=r"TPU: onnxruntime has no device TPU.*; GPU: onnxruntime"):
        upscaled(clip, devices=("TPU", "GPU"), backend="onnxruntime")


def test_the_command(run: Run, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["-m", "fast-x2", "--precision", "fp32", "--codec", "ffv1", "--threads", "1", "--json"]
    one, two, mixed = (tmp_path / f"{name}.mkv" for name in ("one", "two", "mixed"))
    assert run("upscale", clip, one, *options, "--backend", "onnxruntime", "-q") == 0
    assert run("upscale", clip, two, *options, "--backend", "onnxruntime", "--devices", "CPU,azure") == 0
    assert run("upscale", clip, mixed, *options, "--devices", "CPU, azure", "-q") == 0
    printed = capsys.readouterr()
    alone, same, other = (json.loads(line) for line in printed.out.splitlines())
    assert [each["device"] for each in (alone, same, other)] == ["CPU", "CPU,azure", "CPU,azure"]
    assert (same["backend"], other["backend"]) == ("onnxruntime", "openvino+onnxruntime")
    assert "fast-x2 on onnxruntime fp32 (CPU,azure)" in printed.err
    wanted = frames_of(one)
    assert all(np.array_equal(a, b) for a, b in zip(frames_of(two), wanted, strict=True))
    assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(frames_of(mixed), wanted, strict=True))


def test_what_the_command_refuses(run: Run, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*options: str, command: str = "upscale") -> str:
        assert run(command, clip, tmp_path / "out.mkv", "-q", *options) in (1, 2)
        (line,) = capsys.readouterr().err.splitlines()
        return line

    assert "leave one of them out" in refused("--device", "cuda:0", "--devices", "cuda:1,cuda:2")
    assert "leaves a device unnamed" in refused("--devices", "cuda:0,")
    assert "cuda and cuda:0 are one and the same device" in refused("--devices", "cuda,cuda:0")
    assert "use --smooth 0" in refused("--devices", "cuda:0,cuda:1", "--style", "udnie", command="stylize")
    assert "style-live paints, and was not told what: `streamsr stylize` and `compile`" in refused("-m", "style-live")
    assert not (tmp_path / "out.mkv").exists()


def test_a_stylizer_that_does_not_smooth_may_be_dealt() -> None:
    devices = EngineOptions(devices=("cuda:0", "cuda:1"))
    Chain("style-live", options=devices, style=StyleOptions("udnie", smooth=0)).close()
    with pytest.raises(ConfigError, match="smoothing needs the frame before"):
        Chain("style-live", options=devices, style=StyleOptions("udnie"))
    one = EngineOptions(devices=("cuda:0",))
    Chain("style-live", options=one, style=StyleOptions("udnie")).close()


def test_a_model_that_remembers_may_not(tmp_path: Path) -> None:
    model = small("rgb")
    spec = ModelSpec("memory", "restore", 1, "rgb", state=(("before", "after"),))
    del model.proto.metadata_props[:]
    model.proto.metadata_props.add(key=METADATA_KEY, value=spec.to_json())
    onnx.save(model.proto, tmp_path / "memory.onnx")
    with pytest.raises(ConfigError, match="memory needs the frame before, which another device has: use one device"):
        Chain(tmp_path / "memory.onnx", options=EngineOptions(devices=("cuda:0", "cuda:1")))


@pytest.mark.parametrize(
    ("devices", "device", "message"),
    [
        (("a", "b"), "c", "device is c and devices are a, b: leave one of them out"),
        (("a", ""), "auto", "named one by one"),
        (("a", "auto"), "auto", "named one by one"),
        ("cuda:0,cuda:1", "auto", "named one by one"),
        (("CPU", "CPU"), "auto", "CPU and CPU are one and the same device"),
        (("cuda:0", "cuda:00"), "auto", "cuda:0 and cuda:00 are one and the same device"),
        (("GPU.1", "GPU.0", "GPU"), "auto", "GPU.0 and GPU are one and the same device"),
        (("directml", "directml:0"), "auto", "directml and directml:0 are one"),
    ],
)
def test_devices_that_are_none(devices: tuple[str, ...], device: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EngineOptions(device=device, devices=devices)
