"""From what several rounds found to the figures of a row."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .build import Build
from .case import Case
from .measure import Sample
from .peak import Peaks
from .result import Latency, Row, Status
from .spread import Spread

T = TypeVar("T")


@dataclass(slots=True)
class Record:
    """What is known of a case so far."""

    case: Case
    device: str
    build: Build | None = None
    samples: list[Sample] = field(default_factory=list)
    status: Status = "not reached"
    reason: str | None = None

    def fail(self, status: Status, reason: str) -> None:
        """Nothing more will be measured of it."""
        self.status, self.reason = status, " ".join(reason.split())

    def row(self, peaks: Peaks) -> Row:
        """The figures."""
        case, built = self.case, self.build
        status: Status = "measured" if self.samples else self.status
        row: dict[str, Any] = {"status": status, "reason": None if self.samples else self.reason}
        if built is not None:
            row |= {
                "scale": built.scale,
                "quality_db": built.quality,
                "psnr_db": built.psnr,
                "build_seconds": built.seconds,
                "flops": built.workload.flops,
            }
            row |= _figures(self.samples) | _shares(self.samples, built, peaks) if self.samples else {}
        return Row(case.model, case.width, case.height, case.backend, case.precision, self.device, **row)


def _figures(samples: Sequence[Sample]) -> dict[str, Any]:
    return {
        "rounds": len(samples),
        "frames": sum(sample.engine.frames for sample in samples),
        "whole_frames": sum(sample.whole.frames for sample in samples),
        "engine_fps": Spread.of(sample.engine.fps for sample in samples),
        "device_ms": _known(Spread.of, (sample.device_ms for sample in samples)),
        "fps": Spread.of(sample.whole.fps for sample in samples),
        "latency_ms": Latency.of([1000 * each for sample in samples for each in sample.latencies]),
        "cpu_ms": {stage: statistics.median(sample.cpu_ms[stage] for sample in samples) for stage in samples[0].cpu_ms},
        "rss_mib": _known(min, (sample.rss_mib for sample in samples)),
        "vram_mib": _known(max, (sample.gpu.vram_mib for sample in samples)),
        "watts": _known(statistics.median, (sample.gpu.watts for sample in samples)),
    }


def _shares(samples: Sequence[Sample], built: Build, peaks: Peaks) -> dict[str, Any]:
    """By the device's own clock where it has one, as the engine streams otherwise."""
    on_device = [sample.device_ms for sample in samples if sample.device_ms is not None]
    if on_device:
        seconds = statistics.median(on_device) / 1000
    else:
        seconds = 1 / statistics.median(sample.engine.fps for sample in samples)
    work, precision = built.workload, built.case.precision
    least = {
        "matrix_share": peaks.matrix_seconds(work, precision),
        "copy_share": peaks.copy_seconds(work, precision),
    }
    return {name: each and each / seconds for name, each in least.items()}


def _known(summary: Callable[[list[float]], T], values: Iterable[float | None]) -> T | None:
    found = [value for value in values if value is not None]
    return summary(found) if found else None
