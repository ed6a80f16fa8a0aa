"""What a model is run on while it is quantized: pictures, and for a conditional model what it is told of each."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import onnxruntime

Floats = npt.NDArray[np.float32]

Sample = Floats | tuple[Floats, ...]
"""An array for a model of one input; else one for each input, in their order."""


def told(images: Iterable[Floats], names: int) -> list[Sample]:
    """Pictures for a model of so many names, each with other controls in turn; as they are for a model without any.

    Every name alone, all of them mixed, and none: what the model computes in between lies between these.
    """
    if not names:
        return list(images)
    mixed = np.full((1, names), 1 / names, np.float32)
    looks = [*((row[None], 1.0) for row in np.eye(names, dtype=np.float32)), (mixed, 1.0), (mixed, 0.0)]
    controls = [(weights, np.full((1, 1), strength, np.float32)) for weights, strength in looks]
    return [(image, *given) for image, given in zip(images, cycle(controls), strict=False)]


def feed(session: onnxruntime.InferenceSession, sample: Sample) -> dict[str, Floats]:
    """A sample by the names of a session's inputs."""
    arrays = sample if isinstance(sample, tuple) else (sample,)
    return {node.name: array for node, array in zip(session.get_inputs(), arrays, strict=True)}
