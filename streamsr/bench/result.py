"""The result of a benchmark: rows of figures, and where they come from. Its JSON has a schema, `schema.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

from ..errors import ConfigError
from .device import Gpu
from .machine import Machine
from .spread import Spread, percentile

FORMAT = "streamsr-bench/1"
"""What a result calls its form."""
SCHEMA = Path(__file__).with_name("schema.json")
"""The JSON schema (draft 2020-12) of that form."""

Status = Literal["measured", "failed", "left out", "not reached"]


@dataclass(frozen=True, slots=True)
class Latency:
    """How long single frames took, in milliseconds, one at a time, over all rounds."""

    p50: float
    p95: float
    p99: float
    frames: int
    """What they rest on: with fewer than a hundred frames, the last two are the slowest one or near it."""

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> Self:
        """Of one frame or more."""
        p50, p95, p99 = (percentile(milliseconds, percent) for percent in (50, 95, 99))
        return cls(p50, p95, p99, len(milliseconds))


@dataclass(frozen=True, slots=True)
class Row:
    """One model at one size on one backend in one precision. What was not or cannot be measured is None."""

    model: str
    width: int
    height: int
    backend: str
    precision: str
    device: str
    status: Status
    reason: str | None = None
    """Why it was not measured."""
    scale: int | None = None
    quality_db: float | None = None
    """The model's PSNR-Y on Set5, by its own metadata."""
    psnr_db: float | None = None
    """The engine's pictures against ONNX Runtime in fp32, the worst plane; 99 is equal."""
    build_seconds: float | None = None
    flops: int | None = None
    """Operations of a frame's convolutions and matrix products."""
    rounds: int = 0
    frames: int = 0
    """Frames that `engine_fps` rests on, over all rounds."""
    whole_frames: int = 0
    """Frames that `fps` rests on, over all rounds."""
    engine_fps: Spread | None = None
    """The engine alone, as many frames in flight as it takes, transfers included."""
    device_ms: Spread | None = None
    """A frame by the device's own clock, transfers left out; None on a CPU."""
    fps: Spread | None = None
    """Decode, engine, encode: from the opened source to the finished output."""
    latency_ms: Latency | None = None
    cpu_ms: dict[str, float] | None = None
    """CPU time of the whole run per frame, `decode`, `infer`, `encode`, and `process`, which is everything."""
    rss_mib: float | None = None
    vram_mib: float | None = None
    watts: float | None = None
    matrix_share: float | None = None
    """The part of the machine's measured matrix rate that the engine reaches."""
    copy_share: float | None = None
    """The part of its measured copy bandwidth that the least possible traffic of the frames takes."""

    @property
    def size(self) -> str:
        """`640x360`."""
        return f"{self.width}x{self.height}"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes two rows of two results comparable."""
        return self.model, self.size, self.backend, self.precision


@dataclass(frozen=True, slots=True)
class Peak:
    """The matrix rate of one backend in one precision."""

    backend: str
    precision: str
    gflops: float
    """Billions of operations per second, two per multiply-accumulate."""


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that `streamsr bench` found."""

    settings: dict[str, Any]
    """What was asked for: rounds, seconds, budget, suite, footage, encoding."""
    machine: Machine
    rows: list[Row]
    peaks: list[Peak] = field(default_factory=list)
    copy_gbs: dict[str, float] = field(default_factory=dict)
    """Billions of bytes read or written per second while memory is copied, by device."""
    seconds: float = 0.0
    """What the benchmark took."""
    interrupted: bool = False

    def to_json(self) -> str:
        """As one JSON object, figures to five digits."""
        return json.dumps({"format": FORMAT, **_rounded(asdict(self))})

    @classmethod
    def from_json(cls, text: str, name: str = "the text") -> Self:
        """Read `to_json`'s form.

        Raises:
            ConfigError: it is something else.
        """
        try:
            raw = json.loads(text)
            if raw["format"] != FORMAT:
                raise ConfigError(f"{name} is {raw['format']}, not {FORMAT}; measure again")
            machine = Machine(**{**raw["machine"], "gpus": [Gpu(**each) for each in raw["machine"]["gpus"]]})
            rows, peaks = [_row(each) for each in raw["rows"]], [Peak(**each) for each in raw["peaks"]]
            plain = {key: raw[key] for key in ("settings", "copy_gbs", "seconds", "interrupted")}
            return cls(machine=machine, rows=rows, peaks=peaks, **plain)
        except (ValueError, TypeError, KeyError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(f"{name} is not what `streamsr bench --json` prints: {error!r}") from error


def read_result(path: Path) -> Result:
    """The result in a file.

    Raises:
        ConfigError: it cannot be read, or is something else.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return Result.from_json(text, str(path))


def _row(raw: Mapping[str, Any]) -> Row:
    known = {each.name: raw[each.name] for each in fields(Row)}
    for name in ("engine_fps", "device_ms", "fps"):
        known[name] = known[name] and Spread(**known[name])
    known["latency_ms"] = known["latency_ms"] and Latency(**known["latency_ms"])
    return Row(**known)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value
