"""Which network a checkpoint holds: the table of those read natively, then spandrel."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from streamsr.generators.base import Generator

from . import compact, esrgan, foreign, span
from .reading import Tensors


@dataclass(frozen=True, slots=True)
class Recognised:
    """A checkpoint that was understood."""

    architecture: str
    """As its authors call it."""
    generator: Generator
    """With the checkpoint's weights, in evaluation mode."""

    @property
    def native(self) -> bool:
        """Whether the generator is one of ours."""
        return not isinstance(self.generator, foreign.Foreign)


@dataclass(frozen=True, slots=True)
class _Format:
    matches: Callable[[Collection[str]], bool]
    read: Callable[[Tensors], Generator]


def recognise(tensors: Tensors, activation: str | None = None) -> Recognised:
    """Find the architecture by the names of the tensors, its hyper-parameters by their shapes, and fill it.

    Args:
        tensors: a checkpoint, as `read_tensors` gives it.
        activation: "relu" or "leakyrelu", for a Compact network without PReLU.

    Raises:
        ModelError: nobody knows it, or its tensors do not fit together.
        MissingDependencyError: it is none of ours and spandrel is not installed.
    """
    formats = {
        "Compact": _Format(compact.matches, partial(compact.read, activation=activation)),
        "ESRGAN": _Format(esrgan.matches, esrgan.read),
        "SPAN": _Format(span.matches, span.read),
    }
    for name, format_ in formats.items():
        if format_.matches(tensors):
            return Recognised(name, format_.read(tensors))
    return Recognised(*foreign.read(tensors, ", ".join(formats)))
