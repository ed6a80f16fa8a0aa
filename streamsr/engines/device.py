"""The processor this runs on, by name."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@cache
def cpu_name() -> str:
    """What the processor calls itself, `AMD Ryzen 9 7950X`; its architecture where the system does not tell."""
    return _linux_name() or platform.processor() or platform.machine()


def _linux_name() -> str:
    try:
        lines = _CPUINFO.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    facts = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in facts if key.strip() == "model name"), "")
