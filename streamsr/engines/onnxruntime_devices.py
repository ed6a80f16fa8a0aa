"""What ONNX Runtime computes on: its execution providers, called by the device they are for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import onnxruntime as ort

from ..errors import BuildError, ConfigError
from ..notices import say_once
from .backend import CPU, failure

log = logging.getLogger(__name__)

_ERRORS_ONLY, _SILENT = 3, 4


@dataclass(frozen=True, slots=True)
class Provider:
    """One of ONNX Runtime's libraries."""

    name: str
    """What ONNX Runtime calls it."""
    package: str
    """The pip package that brings it; one of these packages is installed at a time."""
    numbered: bool = True
    """Whether there may be several such devices."""


PROVIDERS = {
    CPU: Provider("CPUExecutionProvider", "onnxruntime", numbered=False),
    "cuda": Provider("CUDAExecutionProvider", "onnxruntime-gpu"),
    "tensorrt": Provider("TensorrtExecutionProvider", "onnxruntime-gpu"),
    "directml": Provider("DmlExecutionProvider", "onnxruntime-directml"),
    "migraphx": Provider("MIGraphXExecutionProvider", "onnxruntime-migraphx"),
    "coreml": Provider("CoreMLExecutionProvider", "onnxruntime (on a Mac)", numbered=False),
}
"""Providers by the name of their device, which may be followed by a number: `cuda:1`."""


def provider_of(device: str) -> tuple[Provider, int]:
    """The provider for a device, and the device's number.

    Raises:
        ConfigError: no such device, or the installed ONNX Runtime has no provider for it.
    """
    family, colon, number = device.partition(":")
    provider = PROVIDERS.get(family)
    if provider is None or (colon and not (provider.numbered and number.isdecimal())):
        names = ", ".join(PROVIDERS)
        raise ConfigError(f"onnxruntime has no device {device} (there are: {names}; cuda:1 is the second GPU)")
    has = ort.get_available_providers()
    if provider.name not in has:
        here = ", ".join(name for name, known in PROVIDERS.items() if known.name in has)
        raise ConfigError(
            f"the installed onnxruntime computes on {here}, not on {family}: pip uninstall it, "
            f"then pip install {provider.package}"
        )
    return provider, int(number or 0)


def make_session(proto: bytes, device: str, make_options: Callable[[], ort.SessionOptions]) -> ort.InferenceSession:
    """A session that computes on the device; what the device cannot compute is left to the CPU, and that is said.

    Raises:
        ConfigError: as `provider_of`.
        BuildError: ONNX Runtime refuses the graph, or the provider's libraries do not load.
        DeviceMemoryError: the device has too little memory for it.
    """
    provider, number = provider_of(device)
    entry: Any = (provider.name, {"device_id": str(number)}) if provider.numbered else provider.name

    def session(level: int, condition: str = "0") -> ort.InferenceSession:
        options = make_options()
        options.enable_mem_pattern = provider is not PROVIDERS["directml"]  # its own condition
        options.log_severity_level = level
        options.add_session_config_entry("session.disable_cpu_ep_fallback", condition)
        # its Python wrapper would try other providers by itself, and print so
        return ort.InferenceSession(proto, options, providers=[entry], enable_fallback=0)

    if device != CPU:
        with suppress(Exception):  # whatever it is, it comes again without the condition, or it is the condition
            return session(_SILENT, "1")
    try:
        made = session(_ERRORS_ONLY)
    except Exception as error:  # its exceptions have no common base but this one
        raise failure(BuildError, f"onnxruntime does not compile the frame graph: {error}", device) from error
    if provider.name not in made.get_providers():
        raise BuildError(f"onnxruntime's libraries for {device} do not load; `streamsr doctor` says what is missing")
    if device != CPU:
        said = f"onnxruntime computes a part of each frame on the CPU, which {device} has no operators for: slower"
        say_once(log, said)
    return made
