"""What is to be measured: one model at one size on one backend in one precision."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from ..engines.available import BACKENDS, available_backends, load_backend
from ..engines.backend import AUTO
from ..errors import ConfigError, EngineError, MissingDependencyError, UnknownNameError
from ..zoo.catalog import INT8, resolve

_SIZE = re.compile(r"(?P<width>\d{1,6})x(?P<height>\d{1,6})|(?P<lines>\d{1,6})p")
_EDGE_MAX = 32768


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table."""

    model: str
    """A name of the zoo, or the path of an ONNX file."""
    width: int
    """Of the input, in pixels; so is `height`."""
    height: int
    backend: str
    precision: str
    """`fp32`, `bf16`, `fp16`, `int8`; `auto` where the backend does not load, and nobody knows what it would take."""

    @property
    def size(self) -> str:
        """`640x360`."""
        return f"{self.width}x{self.height}"

    def __str__(self) -> str:
        return f"{self.model} {self.size} {self.backend} {self.precision}"


def cases(
    models: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    backends: Sequence[str] = (),
    precisions: Sequence[str] = (),
    device: str | None = None,
) -> list[Case]:
    """Every combination, sizes outermost.

    Args:
        models: names of the zoo or paths of ONNX files.
        sizes: width and height.
        backends: those asked for; none means all that load here.
        precisions: those asked for, whether or not a model comes in them; none means all that the backend computes
            natively and the model comes in.
        device: the backends' name of the device; None for each one's usual one.

    Raises:
        UnknownNameError: no such model or backend.
    """
    chosen = [name for name in backends if name != AUTO] or _loading()
    for name in chosen:
        if name not in BACKENDS:
            raise UnknownNameError("backend", name, BACKENDS)
    return [
        Case(model, *size, backend, precision)
        for size, model, backend in product(sizes, models, chosen)
        for precision in precisions or _precisions(model, backend, device)
    ]


def device_of(backend: str, device: str | None = None) -> str:
    """The device that was asked for, or the one the backend is for; `auto` where it does not load to tell."""
    if device is not None:
        return device
    try:
        return load_backend(backend).device
    except (EngineError, MissingDependencyError):
        return AUTO


def frame_size(text: str) -> tuple[int, int]:
    """Width and height from `640x360`, or `360p`, which is 16:9 and even.

    Raises:
        ConfigError: anything else, or not within 1..32768.
    """
    match = _SIZE.fullmatch(text.lower())
    if match is None:
        raise ConfigError(f"{text!r} is not a size; write WIDTHxHEIGHT, such as 640x360, or 360p")
    height = int(match["lines"] or match["height"])
    width = 2 * round(height * 8 / 9) if match["lines"] else int(match["width"])
    if not all(1 <= edge <= _EDGE_MAX for edge in (width, height)):
        raise ConfigError(f"size {text} is not within 1x1 and {_EDGE_MAX}x{_EDGE_MAX}")
    return width, height


def _loading() -> list[str]:
    return [name for name, reason in available_backends().items() if reason is None]


def _precisions(model: str, backend: str, device: str | None) -> Iterator[str]:
    """What the backend computes natively and the model comes in."""
    entry = resolve(model)
    try:
        native = load_backend(backend).precisions(device_of(backend, device))
    except (EngineError, MissingDependencyError):
        native = (AUTO,)  # a row all the same, which will say why
    comes_in_int8 = INT8 in (entry.precision, *entry.variants)
    yield from (precision for precision in native if precision != INT8 or comes_in_int8)
