"""What values the tensors of a model take on real images, and the 8-bit range that represents them best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from streamsr.errors import ExportError

from .samples import Sample, feed

Floats = npt.NDArray[np.float32]

LEVELS = 255
SAMPLES_PER_IMAGE = 4096
"""Values kept of each tensor and image: enough for the search below, and memory does not grow with their size."""
_SHRINK = np.linspace(1.0, 0.3, 29)
_TURNS = 2


@dataclass(frozen=True, slots=True)
class Statistics:
    """Values of one tensor `(1, C, H, W)` over all images."""

    low: float
    high: float
    peaks: Floats
    """Largest magnitude of each channel, `(C,)`."""
    means: Floats
    """Mean of each channel, every image counting alike, `(C,)`."""
    sample: Floats
    """Some of the values, one axis."""


@dataclass(frozen=True, slots=True)
class Range:
    """uint8 codes `q` for reals: `scale * (q - zero)`."""

    scale: float
    zero: int = 0

    def rounded(self, values: Floats) -> Floats:
        """`values` as they come back from 8 bits."""
        codes = np.clip(np.round(values / self.scale) + self.zero, 0, LEVELS)
        return np.asarray((codes - self.zero) * self.scale, np.float32)


def observe(proto: onnx.ModelProto, tensors: Sequence[str], samples: Iterable[Sample]) -> dict[str, Statistics]:
    """Run a model on `samples`, and note the values of `tensors`, its inputs among them.

    Raises:
        ExportError: there are no samples.
    """
    import onnxruntime

    probe = _watching(proto, tensors)
    session = onnxruntime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
    given = {node.name for node in session.get_inputs()}
    inner = [name for name in tensors if name not in given]
    rng = np.random.default_rng(0)
    seen: dict[str, list[Statistics]] = {name: [] for name in tensors}
    for sample in samples:
        inputs = feed(session, sample)
        # an empty list of names would mean all outputs
        results = session.run(inner, inputs) if inner else []
        values = dict(zip(inner, results, strict=True)) | inputs
        for name, parts in seen.items():
            parts.append(_statistics(values[name], rng))
    if not all(seen.values()):
        raise ExportError("quantization needs at least one calibration image")
    return {name: _joined(parts) for name, parts in seen.items()}


def _watching(proto: onnx.ModelProto, tensors: Sequence[str]) -> onnx.ModelProto:
    """The model with inner tensors as its outputs; what lies behind them all need not be computed."""
    probe = onnx.ModelProto()
    probe.CopyFrom(proto)
    given = {value.name for value in probe.graph.input}
    inner = [helper.make_empty_tensor_value_info(name) for name in tensors if name not in given]
    if inner:
        del probe.graph.output[:]
        probe.graph.output.extend(inner)
    return probe


def best_range(stats: Statistics) -> Range:
    """The range with the least squared error over the sample: clipping rare peaks makes all other steps finer.

    Its ends are searched in turns, each with the other fixed.
    """
    low, high = min(stats.low, 0.0), max(stats.high, 0.0)
    if low == high:
        return Range(1.0 / LEVELS)

    def error(span: tuple[float, float]) -> float:
        return float(np.mean((span_range(*span).rounded(stats.sample) - stats.sample) ** 2))

    best = low, high
    for _ in range(_TURNS if low < 0 < high else 1):
        if high > 0:
            best = min(((best[0], high * share) for share in _SHRINK), key=error)
        if low < 0:
            best = min(((low * share, best[1]) for share in _SHRINK), key=error)
    return span_range(*best)


def span_range(low: float, high: float) -> Range:
    """The range from `low` (at most 0) to `high` (at least 0), zero a code of its own; they differ."""
    scale = (high - low) / LEVELS
    return Range(scale, round(-low / scale))


def _statistics(value: Floats, rng: np.random.Generator) -> Statistics:
    peaks = np.abs(value).max(axis=(0, 2, 3))
    sample = rng.choice(value.ravel(), SAMPLES_PER_IMAGE)
    return Statistics(float(value.min()), float(value.max()), peaks, value.mean(axis=(0, 2, 3)), sample)


def _joined(parts: list[Statistics]) -> Statistics:
    return Statistics(
        min(part.low for part in parts),
        max(part.high for part in parts),
        np.max([part.peaks for part in parts], axis=0),
        np.mean([part.means for part in parts], axis=0),
        np.concatenate([part.sample for part in parts]),
    )
