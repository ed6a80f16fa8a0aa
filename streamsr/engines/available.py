"""Which backends there are, which of them load here, and what they compute natively."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache

from ..errors import EngineError, MissingDependencyError
from ..registry import Registry
from .backend import AUTO, Backend

log = logging.getLogger(__name__)

BACKENDS = Registry(
    "backend",
    {
        "openvino": "streamsr.engines.openvino:OpenVINO",
        "onnxruntime": "streamsr.engines.onnxruntime:OnnxRuntime",
    },
)
"""Backends by name, fastest first: the order in which `auto` tries them."""


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


def native_precisions(backend: str = AUTO, device: str = "CPU") -> tuple[str, ...]:
    """Precisions the backend (`auto`: the fastest that loads) computes natively on this machine, most exact first.

    bf16 is among them only when the processor has bfloat16 instructions: emulated, it is slower than fp32.
    """
    return next(choose_backends(backend)).precisions(device)


def choose_backends(name: str) -> Iterator[Backend]:
    """The backends to try for `--backend name`, loaded one by one as the caller asks for the next.

    For `auto` those that load, fastest first; one that does not is passed over with a warning.

    Raises:
        EngineError: `auto`, and none loads; else as `load_backend`.
    """
    if name != AUTO:
        yield load_backend(name)
        return
    reasons = []
    for candidate in BACKENDS:
        try:
            backend = load_backend(candidate)
        except (EngineError, MissingDependencyError) as error:
            reasons.append(str(error))
            _say_once(f"{error}; trying the next backend, which may be slower")
            continue
        yield backend
    if len(reasons) == len(list(BACKENDS)):
        raise EngineError(f"no backend loads: {'; '.join(reasons)}")


@cache
def _say_once(message: str) -> None:
    log.warning(message)
