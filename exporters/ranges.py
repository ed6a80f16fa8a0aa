"""The 8-bit range of each tensor, chosen by what it does to the picture.

The least error of a tensor is not the least error of the picture: rounding errors are independent and average out in
the sums of the next convolution, while what is clipped lies together, on the edges, where it is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import onnx

from .calibrate import Range, Statistics, best_range, observe, span_range
from .qdq import with_rounding
from .samples import Sample, feed

Floats = npt.NDArray[np.float32]

SAMPLES = 16
"""How many of them are run for each candidate."""
_SHARES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)


def best_ranges(proto: onnx.ModelProto, tensors: Sequence[str], samples: Sequence[Sample]) -> dict[str, Range]:
    """For each tensor, of its `best_range` and of shares of all it spans, what changes the picture least when it alone
    is rounded so.

    Args:
        proto: a model.
        tensors: what its convolutions read; its own input among them is allowed.
        samples: what the tensors are observed on.

    Raises:
        ExportError: there are no samples.
    """
    seen = observe(proto, tensors, samples)
    some = samples[:: -(-len(samples) // SAMPLES)]
    wanted = list(pictures(proto, some))

    def error(name: str, span: Range) -> float:
        given = pictures(with_rounding(proto, {name: span}), some)
        return float(np.mean([np.mean((a - b) ** 2) for a, b in zip(given, wanted, strict=True)]))

    return {name: min(_candidates(stats), key=partial(error, name)) for name, stats in seen.items()}


def _candidates(stats: Statistics) -> list[Range]:
    low, high = min(stats.low, 0.0), max(stats.high, 0.0)
    shares = _SHARES if low < high else ()
    return [best_range(stats), *(span_range(low * share, high * share) for share in shares)]


def pictures(proto: onnx.ModelProto, samples: Sequence[Sample]) -> Iterator[Floats]:
    """What a model makes of each sample."""
    import onnxruntime

    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for sample in samples:
        yield session.run(None, feed(session, sample))[0]
