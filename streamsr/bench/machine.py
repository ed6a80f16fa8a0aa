"""Where and with what something was measured."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..engines.device import cpu_name
from .device import Gpu, gpus

PACKAGES = (
    "streamsr",
    "av",
    "numpy",
    "onnx",
    "onnxruntime",
    "openvino",
    "tensorrt",
    "tensorrt-rtx-cu13-libs",
    "cuda-bindings",
)


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer and what is installed on it."""

    cpu: str
    cores: int
    memory_mib: int | None
    load: float | None
    """Processes that wanted a core during the minute before; near 0 on a quiet machine."""
    platform: str
    python: str
    packages: dict[str, str]
    commit: str | None
    """Of this checkout, `-dirty` behind it where files differ; None where streamsr is installed."""
    gpus: list[Gpu] = field(default_factory=list)


def this_machine() -> Machine:
    """This one, now."""
    return Machine(
        cpu_name(),
        os.cpu_count() or 1,
        _memory_mib(),
        _load(),
        platform.platform(),
        platform.python_version(),
        dict(_versions()),
        _commit(),
        gpus(),
    )


def _memory_mib() -> int | None:
    with suppress(AttributeError, OSError, ValueError):  # Windows has no sysconf
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    return None


def _load() -> float | None:
    with suppress(AttributeError, OSError):
        return os.getloadavg()[0]
    return None


def _versions() -> list[tuple[str, str]]:
    found = []
    for name in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found.append((name, importlib.metadata.version(name)))
    return found


def _commit() -> str | None:
    """Asked of git only inside a checkout of streamsr: an installed one may lie in somebody else's repository."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
