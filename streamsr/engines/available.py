"""Which backends there are, which of them load here, and what they compute natively."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from ..errors import ConfigError, EngineError, MissingDependencyError
from ..notices import say_once
from ..registry import Registry
from .backend import AUTO, Backend
from .cuda import CUDA, device_count, device_index, device_name

log = logging.getLogger(__name__)

BACKENDS = Registry(
    "backend",
    {
        "tensorrt": "streamsr.engines.tensorrt:tensorrt",
        "tensorrt-rtx": "streamsr.engines.tensorrt:tensorrt_rtx",
        "openvino": "streamsr.engines.openvino:OpenVINO",
        "onnxruntime": "streamsr.engines.onnxruntime:OnnxRuntime",
    },
)
"""Backends by name, fastest first: the order in which `auto` tries them."""

_NVIDIA = frozenset({"tensorrt", "tensorrt-rtx"})
"""Those that `auto` does not even mention without an NVIDIA GPU, or for another device."""


def load_backend(name: str) -> Backend:
    """The backend of that name.

    Raises:
        UnknownNameError: no such backend.
        MissingDependencyError: an optional backend whose runtime is absent.
        EngineError: its runtime does not load.
    """
    try:
        backend: Backend = BACKENDS.load(name)()
    except MissingDependencyError:
        raise
    except (ImportError, OSError, RuntimeError) as error:
        raise EngineError(f"backend {name} does not load: {error}; `streamsr doctor` says more") from error
    return backend


def available_backends() -> dict[str, str | None]:
    """Every backend by name, fastest first, with the reason why it does not load here, or None when it does."""
    return {name: _reason_missing(name) for name in BACKENDS}


def _reason_missing(name: str) -> str | None:
    try:
        load_backend(name)
    except (EngineError, MissingDependencyError) as error:
        return str(error)
    return None


def native_precisions(backend: str = AUTO, device: str = AUTO) -> tuple[str, ...]:
    """Precisions the backend (`auto`: the fastest that loads) computes natively on this machine, most exact first.

    bf16 is among them only when the processor has bfloat16 instructions: emulated, it is slower than fp32.
    """
    chosen = next(choose_backends(backend, device))
    return chosen.precisions(chosen.device if device == AUTO else device)


def choose_backends(name: str, device: str = AUTO) -> Iterator[Backend]:
    """The backends to try for `--backend name`, loaded one by one as the caller asks for the next.

    For `auto` those that load and have the device, fastest first; one that does not load is passed over with a warning,
    unless it is for a GPU that is not here, or the other TensorRT is.

    Raises:
        EngineError: `auto`, and there is none; else as `load_backend`.
    """
    if name != AUTO:
        yield load_backend(name)
        return
    gpus = device_count()
    reasons = ["there is no NVIDIA GPU here, or no driver for it"] if device.startswith(CUDA) and not gpus else []
    missing: dict[str, str] = {}
    found: set[str] = set()
    for candidate in BACKENDS:
        if candidate in _NVIDIA and not (gpus and (device == AUTO or device.startswith(CUDA))):
            continue
        try:
            backend = _load_for(candidate, device)
        except ConfigError as error:
            reasons.append(str(error))
        except (EngineError, MissingDependencyError) as error:
            reasons.append(str(error))
            missing[candidate] = str(error)
        else:
            found.add(candidate)
            for unloaded, reason in missing.items():
                if unloaded not in _NVIDIA or not found & _NVIDIA:
                    say_once(log, f"{reason}; trying the next backend, which may be slower")
            yield backend
    if not found:
        where = "" if device == AUTO else f" for {device}"
        raise EngineError(f"no backend loads{where}: {'; '.join(reasons)}")


def home_of(name: str, device: str = AUTO) -> str | None:
    """The device, `cuda:0`, on which engines of `--backend name --device device` take planes and leave them.

    None for those that only know the host; and where nothing loads, which compiling will say. No device is opened.
    """
    if name not in (AUTO, *_NVIDIA):
        return None
    try:
        number = device_index(CUDA if device == AUTO else device)
        backend = next(choose_backends(name)) if number < device_count() else None
    except (ConfigError, EngineError, MissingDependencyError):
        return None
    return device_name(number) if backend is not None and backend.name in _NVIDIA else None


def _load_for(name: str, device: str) -> Backend:
    """The backend of that name, if it has the device; else a `ConfigError`, or what `load_backend` raises."""
    backend = load_backend(name)
    if device != AUTO:
        backend.identity(device)
    return backend
