"""The blocks of `docs/performance.md`: tables of what has been measured, or how to measure what has not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamsr.bench.result import Result, read_result

from .common import RESULTS
from .speed_tables import (
    bench_machine,
    efficiency_table,
    latency_table,
    peers_table,
    roofline_table,
    settings_table,
    speed_table,
)

PLOTS = Path(__file__).parents[1] / "docs" / "images"
CPU_SIZE, GPU_SIZE = "640x360", "1920x1080"


def bench(name: str, table: Callable[[Result], str]) -> Callable[[], str]:
    """A block made of what `streamsr bench` has printed into `results/NAME.json`."""
    path = RESULTS / f"{name}.json"
    return lambda: table(read_result(path)) if path.exists() else unmeasured("bench")


def figures(name: str, table: Callable[[dict[str, Any]], str]) -> Callable[[], str]:
    """A block made of what a benchmark of this folder has saved as `results/NAME.json`."""
    path = RESULTS / f"{name}.json"
    part = name.removesuffix("-gpu")
    return lambda: table(json.loads(path.read_text("utf-8"))) if path.exists() else unmeasured(part)


def plot(name: str) -> Callable[[], str]:
    """The picture `docs/images/NAME.png`."""
    text = f"![Frames per second by size; quality against speed](images/{name}.png)"
    return lambda: text if (PLOTS / f"{name}.png").exists() else unmeasured("bench")


def unmeasured(part: str) -> str:
    """What stands where there is no result."""
    return f"Not measured yet; `scripts/performance {part}` does it."


BLOCKS: dict[str, Callable[[], str]] = {
    "speed": bench("bench", speed_table),
    "speed-settings": bench("bench", lambda result: settings_table(result, CPU_SIZE)),
    "speed-latency": bench("bench", lambda result: latency_table(result, CPU_SIZE)),
    "speed-machine": bench("bench", bench_machine),
    "speed-plot": plot("speed"),
    "gpu-speed": bench("bench-gpu", speed_table),
    "gpu-latency": bench("bench-gpu", lambda result: latency_table(result, GPU_SIZE)),
    "gpu-machine": bench("bench-gpu", bench_machine),
    "roofline": figures("roofline", lambda result: roofline_table(result, CPU_SIZE)),
    "gpu-roofline": figures("roofline-gpu", lambda result: roofline_table(result, GPU_SIZE)),
    "peers": figures("peers", peers_table),
    "efficiency": figures("efficiency", efficiency_table),
}
