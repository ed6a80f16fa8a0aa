"""Results made up for the tests of what is made of results."""

from __future__ import annotations

from typing import Any

from streamsr.bench.machine import Machine
from streamsr.bench.plan import Effort
from streamsr.bench.result import Latency, Peak, Result, Row
from streamsr.bench.settings import Settings
from streamsr.bench.spread import Spread


def row(model: str = "live-x2", fps: float | None = 30.0, **fields: Any) -> Row:
    """A measured row of so many frames per second, or one that failed."""
    usual: dict[str, Any] = {"width": 640, "height": 360, "backend": "openvino", "precision": "fp32", "device": "CPU"}
    if fps is None:
        return Row(model=model, **{**usual, "status": "failed", "reason": "it broke", **fields})
    figures = {
        "status": "measured",
        "scale": 2,
        "quality_db": 37.2,
        "psnr_db": 99.0,
        "build_seconds": 0.21,
        "flops": 10**9,
        "rounds": 3,
        "frames": 300,
        "whole_frames": 90,
        "engine_fps": Spread(2 * fps, 1.9 * fps, 2.1 * fps),
        "fps": Spread(fps, 0.95 * fps, 1.05 * fps),
        "latency_ms": Latency(20.0, 22.0, 25.0, 300),
        "cpu_ms": {"decode": 1.0, "infer": 20.0, "encode": 9.0, "process": 31.0},
        "rss_mib": 180.0,
        "matrix_share": 0.41,
        "copy_share": 0.02,
    }
    return Row(model=model, **{**usual, **figures, **fields})


def result(*rows: Row, **fields: Any) -> Result:
    """A result of those rows on one made-up machine."""
    machine = Machine("Some CPU", 2, 8000, 0.1, "Linux", "3.11.7", {"streamsr": "0.1.0"}, "abc1234")
    settings = Settings(Effort(rounds=3, seconds=1.0)).to_dict()
    peaks = [Peak("openvino", "fp32", 150.0)]
    return Result(settings, machine, list(rows), peaks, {"CPU": 20.0}, 12.0, **fields)
