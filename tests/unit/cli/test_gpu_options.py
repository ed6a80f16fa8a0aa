"""The options that lead to a GPU, and what `doctor` says of the way there."""

from __future__ import annotations

import importlib.metadata

import pytest

from streamsr.cli import doctor, doctor_gpu, settings
from streamsr.cli.options import UsageError
from streamsr.engines import cuda, cuda_runtime, plan
from streamsr.errors import ConfigError, MissingDependencyError, UnknownNameError
from streamsr.media import codecs


def engine(backend: str = "auto", **options):
    return settings.engine(backend, options.pop("precision", "auto"), None, "auto", **options)


def test_devices() -> None:
    assert engine().device == "auto"
    assert engine(device="cuda:1").device == "cuda:1"
    assert engine(precision="fp16").precision == "fp16"
    with pytest.raises(UnknownNameError, match="fp17"):
        engine(precision="fp17")


@pytest.mark.parametrize(("provider", "device"), [("CUDA", "cuda"), ("DirectML", "directml"), ("cpu", "CPU")])
def test_a_provider_is_a_device_of_onnxruntime(provider: str, device: str) -> None:
    for options in (engine(provider=provider), engine("onnxruntime", provider=provider)):
        assert (options.backend, options.device) == ("onnxruntime", device)


def test_a_provider_does_not_go_with_everything() -> None:
    with pytest.raises(UsageError, match="--provider is ONNX Runtime's"):
        engine("tensorrt", provider="CUDA")
    for provider, device in (("CUDA", "directml:1"), ("CPU", "cuda"), ("directml", "CPU")):
        with pytest.raises(UsageError, match=f"--provider {provider} and --device {device} are two devices"):
            engine(provider=provider, device=device)


@pytest.mark.parametrize(
    ("provider", "device", "meant"),
    [
        ("CUDA", "cuda:1", "cuda:1"),
        ("CUDA", "CUDA", "cuda"),
        ("DirectML", "directml:2", "directml:2"),
        ("cpu", "cpu", "CPU"),
    ],
)
def test_a_provider_may_be_numbered(provider: str, device: str, meant: str) -> None:
    assert engine(provider=provider, device=device).device == meant


def test_several_devices() -> None:
    assert engine().devices == ()
    assert engine(devices="cuda:0, cuda:1").devices == ("cuda:0", "cuda:1")
    assert (engine(devices="GPU.1").device, engine(devices="GPU.1").devices) == ("GPU.1", ())
    provided = engine(provider="CUDA", devices="cuda:0,cuda:1")
    assert (provided.backend, provided.device, provided.devices) == ("onnxruntime", "auto", ("cuda:0", "cuda:1"))
    with pytest.raises(UsageError, match="--provider CUDA and --device directml"):
        engine(provider="CUDA", devices="cuda:0,directml")
    for text in ("", ",", "cuda:0,,cuda:1"):
        with pytest.raises(UsageError, match="leaves a device unnamed"):
            engine(devices=text)
    with pytest.raises(UsageError, match="--device cuda:0 and --devices cuda:1,cuda:2 are two answers"):
        engine(device="cuda:0", devices="cuda:1,cuda:2")


def test_hwaccel() -> None:
    assert settings.reading(None, None, None, False).hwaccel == "none"
    assert settings.reading(None, None, None, False, "cuda:1").hwaccel == "cuda:1"
    with pytest.raises(ConfigError, match="hwaccel is 'vulkan'"):
        settings.reading(None, None, None, False, "vulkan")


def absent(*_: object) -> None:
    raise importlib.metadata.PackageNotFoundError("gone")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing of the way is there."""

    def missing(flavour: str) -> None:
        raise MissingDependencyError("it", flavour, "a test")

    monkeypatch.setattr(cuda, "driver_state", lambda: (None, 0))
    monkeypatch.setattr(plan, "load_flavour", missing)
    monkeypatch.setattr(importlib.metadata, "version", absent)
    monkeypatch.setitem(doctor_gpu.CODECS, "NVDEC", ("no-such-library.so", "no-such.dll", "decoding"))
    monkeypatch.setitem(doctor_gpu.CODECS, "NVENC", ("no-such-library.so", "no-such.dll", "encoding"))


def test_every_missing_piece_names_its_command(bare: None) -> None:
    findings = {finding.name: finding for finding in doctor_gpu.examine_gpu([])}
    assert list(findings) == ["driver", "cuda-bindings", "TensorRT", "TensorRT for RTX", "NVDEC", "NVENC", "NVML"]
    assert not any(finding.ok for finding in findings.values())
    commands = {
        "driver": "ubuntu-drivers install",
        "cuda-bindings": "pip install 'cuda-bindings",
        "TensorRT": "pip install 'streamsr[tensorrt]'",
        "TensorRT for RTX": "pip install 'streamsr[tensorrt-rtx]'",
        "NVDEC": "NVIDIA_DRIVER_CAPABILITIES=compute,video,utility",
        "NVENC": "NVIDIA_DRIVER_CAPABILITIES=compute,video,utility",
        "NVML": "pip install nvidia-ml-py",
    }
    for name, command in commands.items():
        assert command in findings[name].detail


@pytest.mark.parametrize(
    ("code", "way"), [(802, "fabricmanager"), (803, "another version"), (999, "modprobe nvidia-uvm"), (100, "hidden")]
)
def test_a_driver_that_does_not_start_says_why(
    code: int, way: str, bare: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda, "driver_state", lambda: (code, 0))
    driver = next(doctor_gpu.examine_gpu(["NVIDIA L4, 580.1"]))
    assert not driver.ok
    assert way in driver.detail


def test_bindings_that_do_not_import_are_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise MissingDependencyError("cuda-bindings", "tensorrt", "computing on an NVIDIA GPU")

    monkeypatch.setattr(cuda, "driver_state", lambda: (0, 1))
    monkeypatch.setattr(cuda_runtime, "load_bindings", broken)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "13.0")
    finding = doctor_gpu._cuda()
    assert not finding.ok
    assert "pip install 'streamsr[tensorrt]'" in finding.detail


def test_an_encoder_is_judged_by_opening_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert codecs.encoder_problem("mpeg4") is None
    monkeypatch.setattr(codecs, "encoder_problem", lambda codec: "no capable devices found")
    found = {finding.name: finding for finding in doctor._encoders(gpu=True)}
    assert found["libx264"].ok
    assert not found["h264_nvenc"].ok
    assert found["h264_nvenc"].detail in ("no capable devices found", "not in this build of FFmpeg")
    assert {finding.detail for finding in doctor._encoders(gpu=False) if not finding.ok} <= {
        "needs an NVIDIA GPU",
        "not in this build of FFmpeg",
    }


def test_a_card_that_cuda_does_not_see_is_told(bare: None) -> None:
    driver = next(doctor_gpu.examine_gpu(["NVIDIA L4, 580.1"]))
    assert not driver.ok
    assert "hidden from CUDA, see CUDA_VISIBLE_DEVICES" in driver.detail
