"""What `streamsr doctor` says of the way to an NVIDIA GPU: every piece of it, and the command that adds it."""

from __future__ import annotations

import ctypes
import importlib.metadata
import sys
from collections.abc import Iterator

from ..errors import EngineError, MissingDependencyError
from .finding import Finding

TOPIC = "NVIDIA GPU"
CODECS = {
    "NVDEC": ("libnvcuvid.so.1", "nvcuvid.dll", "decoding"),
    "NVENC": ("libnvidia-encode.so.1", "nvEncodeAPI64.dll", "encoding"),
}
"""The driver's libraries for video."""

_DRIVER = "install the driver of https://www.nvidia.com/drivers (Ubuntu: sudo ubuntu-drivers install)"
_STARTS_NOT: dict[int | None, str] = {
    802: "the GPUs' fabric is not ready: sudo systemctl start nvidia-fabricmanager",
    803: "its library is another version than the kernel's module: reboot; in a container, use the host's driver",
    999: "often the kernel's module is not loaded: sudo modprobe nvidia-uvm, or reboot",
}
"""What to do about the codes of CUDA that say more than that there is no GPU."""
_CONTAINER = "NVIDIA_DRIVER_CAPABILITIES=compute,video,utility"


def examine_gpu(cards: list[str]) -> Iterator[Finding]:
    """Driver, CUDA, both TensorRTs, video, sensors. `cards` is what nvidia-smi lists."""
    yield _driver(cards)
    yield _cuda()
    yield _tensorrt("tensorrt", "TensorRT", "tensorrt")
    yield _tensorrt("tensorrt-rtx", "TensorRT for RTX", "tensorrt-rtx")
    for name, (library, library_windows, purpose) in CODECS.items():
        yield _video(name, library_windows if sys.platform == "win32" else library, purpose)
    yield _package("NVML", "nvidia-ml-py", "power and memory in `streamsr bench`")


def _driver(cards: list[str]) -> Finding:
    from ..engines.cuda import driver_state

    code, seen = driver_state()
    if seen:
        return Finding(TOPIC, "driver", True, "; ".join(cards) or f"{seen} GPUs")
    if code in _STARTS_NOT:
        return Finding(TOPIC, "driver", False, f"it does not start (CUDA error {code}), {_STARTS_NOT[code]}")
    if cards:
        return Finding(TOPIC, "driver", False, f"{'; '.join(cards)}: hidden from CUDA, see CUDA_VISIBLE_DEVICES")
    return Finding(TOPIC, "driver", False, f"none found; the CPU backends need none. With such a GPU here: {_DRIVER}")


def _cuda() -> Finding:
    from ..engines.cuda import device_count
    from ..engines.cuda_runtime import CudaDriver

    name = "cuda-bindings"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(TOPIC, name, False, f"the way to CUDA: pip install '{name}>=12.9'")
    if not device_count():
        return Finding(TOPIC, name, True, f"{version}, not tried")
    try:
        driver = CudaDriver(0)
    except (EngineError, MissingDependencyError) as error:
        return Finding(TOPIC, name, False, str(error))
    return Finding(TOPIC, name, True, f"{version}; {driver.name}, compute capability {driver.capability}")


def _tensorrt(flavour: str, name: str, extra: str) -> Finding:
    from ..engines.plan import load_flavour

    add = f"pip install 'streamsr[{extra}]'"
    try:
        library = load_flavour("tensorrt-rtx" if flavour == "tensorrt-rtx" else "tensorrt")
    except MissingDependencyError:
        return Finding(TOPIC, name, False, add)
    except (ImportError, OSError, RuntimeError, EngineError) as error:
        return Finding(TOPIC, name, False, f"it does not load, its libraries may be missing: {error}; {add}")
    return Finding(TOPIC, name, True, str(library.__version__))


def _video(name: str, library: str, purpose: str) -> Finding:
    from av.codec.hwaccel import hwdevices_available

    from ..media.codecs import encoder_problem

    if name == "NVDEC" and "cuda" not in hwdevices_available():
        return Finding(TOPIC, name, False, "this build of PyAV has no CUDA: pip install --force-reinstall av")
    try:
        ctypes.CDLL(library)
    except OSError:
        detail = f"{purpose} on the GPU needs the driver's {library}: {_DRIVER}; in a container {_CONTAINER}"
        return Finding(TOPIC, name, False, detail)
    problem = encoder_problem("h264_nvenc") if name == "NVENC" else None
    told = f"{library} loads, but h264_nvenc does not open: {problem}" if problem else f"{library} loads"
    return Finding(TOPIC, name, problem is None, told)


def _package(name: str, package: str, purpose: str) -> Finding:
    try:
        return Finding(TOPIC, name, True, f"{package} {importlib.metadata.version(package)}")
    except importlib.metadata.PackageNotFoundError:
        return Finding(TOPIC, name, False, f"{purpose}: pip install {package}")
