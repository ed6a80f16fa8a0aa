"""What the benchmarks share: a clean process for each measurement, medians and spreads, results as JSON."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("streamsr", "av", "numpy", "onnx", "onnxruntime", "openvino", "torch")


@dataclass(frozen=True, slots=True)
class Cost:
    """What processing some frames took, the CPU time of every thread included."""

    frames: int
    wall_seconds: float
    cpu_seconds: float

    @property
    def fps(self) -> float:
        """Frames per second of wall time."""
        return self.frames / self.wall_seconds

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds per frame."""
        return 1000 * self.cpu_seconds / self.frames


def measure(run: Callable[[], int]) -> Cost:
    """Time a function that returns how many frames it processed."""
    wall, cpu = time.perf_counter(), time.process_time()
    frames = run()
    return Cost(frames, time.perf_counter() - wall, time.process_time() - cpu)


def in_child(module: str, arguments: Sequence[str], python: str = sys.executable) -> dict[str, Any]:
    """Run `python -m module arguments` and return the JSON object on the last line of its output."""
    command = [python, "-m", module, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=Path(__file__).parents[1])
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def print_cost(cost: Cost, **more: Any) -> None:
    """The last line that `in_child` reads."""
    print(json.dumps({**asdict(cost), **more}))


def median_and_spread(values: Iterable[float]) -> dict[str, float]:
    """Median, smallest and largest."""
    numbers = sorted(values)
    return {"median": statistics.median(numbers), "min": numbers[0], "max": numbers[-1]}


def environment() -> dict[str, Any]:
    """Where and with what a result was measured."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "commit": _commit(),
    }


def save(name: str, result: dict[str, Any]) -> Path:
    """Write `results/NAME.json`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({**result, "environment": environment()}, indent=1) + "\n")
    return path


@contextmanager
def resident_memory() -> Iterator[Callable[[], float]]:
    """A function that tells the process's resident memory now, in MiB (Linux)."""
    status = Path("/proc/self/status")

    def read() -> float:
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    yield read


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
