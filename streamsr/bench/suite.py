"""Suites: the same cases for everybody, so that machines can be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..engines.available import available_backends
from ..errors import UnknownNameError
from ..zoo.catalog import TWIN, names, resolve
from .case import Case, cases
from .plan import Effort

CPU_BACKENDS = ("openvino", "onnxruntime")
CPU_SIZES = ((320, 180), (640, 360), (960, 540))
GPU_BACKENDS = ("tensorrt", "tensorrt-rtx")
GPU_SIZES = ((1280, 720), (1920, 1080))


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases, and how long they may take."""

    cases: list[Case]
    effort: Effort


def standard() -> Suite:
    """Every bundled model that learned something: on TensorRT where it runs, on OpenVINO and ONNX Runtime elsewhere.

    An adversarial twin is left out: it is its parent's network. A CPU takes less than five minutes.
    """
    missing = available_backends()
    gpu = [name for name in GPU_BACKENDS if name in missing and missing[name] is None]
    if gpu:
        return Suite(cases(list(trained()), GPU_SIZES, gpu), Effort(rounds=3, seconds=2.0, budget=540))
    return Suite(cases(list(trained()), CPU_SIZES, CPU_BACKENDS), Effort(rounds=3, seconds=1.0, budget=270))


SUITES: dict[str, Callable[[], Suite]] = {"standard": standard}


def find_suite(name: str) -> Suite:
    """The suite of that name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in SUITES:
        raise UnknownNameError("suite", name, SUITES)
    return SUITES[name]()


def trained() -> Iterator[str]:
    """The models of the zoo that have weights, each network once."""
    for name in names():
        facts = resolve(name).facts
        if facts is not None and facts.weights and not name.endswith(TWIN):
            yield name
