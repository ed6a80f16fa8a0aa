"""The calls an engine makes to CUDA and TensorRT, written down so that two machines' lists can be compared.

The tests record them on a driver that keeps its "device" on the host, and hold them against `calls.json`; the GPU
check records them on a real one, and holds them against the same file.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

CONTRACT = Path(__file__).with_name("calls.json")

_CREATE = {"alloc": "device", "alloc_host": "host", "stream": "stream", "event": "event", "end_capture": "graph"}
_QUIET = {"activate", "complaints"}
"""Calls that change nothing."""


class Recorder:
    """One list of calls, with names for addresses and handles."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._named: dict[int, tuple[int, str]] = {}
        self._counts: dict[str, int] = {}

    def driver(self, driver: Any) -> Any:
        """A `cuda.Driver` that writes down what is asked of it."""
        return _Spy(driver, self)

    def library(self, trt: Any) -> Any:
        """A TensorRT library whose runtimes, engines and contexts write down what is asked of them."""
        return _Library(trt, self)

    def called(self, function: str, arguments: Sequence[Any], result: Any) -> None:
        """Write down one call."""
        if function in _QUIET:
            return
        told = f"{function}({', '.join(map(self._told, arguments))})"
        if function in _CREATE:
            told += f" -> {self._name(function, arguments, result)}"
        if function.startswith("free"):
            self._named.pop(arguments[0], None)  # the next one may get its address
        self.calls.append(told)

    def _name(self, function: str, arguments: Sequence[Any], result: int) -> str:
        kind = _CREATE[function]
        number = self._counts[kind] = self._counts.get(kind, -1) + 1
        size = arguments[0] if function.startswith("alloc") else 1
        self._named[result] = size, f"{kind}{number}"
        return f"{kind}{number}"

    def _told(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if not isinstance(value, int):
            return type(value).__name__ if isinstance(value, bytes) else "…"
        for start, (size, name) in self._named.items():
            if start <= value < start + size:
                return name if value == start else f"{name}+{value - start}"
        return str(value)


class _Spy:
    """An object, with every call written down; what TensorRT returns is watched too."""

    def __init__(self, target: Any, recorder: Recorder) -> None:
        self._target, self._recorder = target, recorder

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        return _watched(name, value, self._recorder) if callable(value) else value


class _Library(_Spy):
    def __getattr__(self, name: str) -> Any:
        return (
            _watched(name, self._target.Runtime, self._recorder) if name == "Runtime" else getattr(self._target, name)
        )


def _watched(name: str, function: Callable[..., Any], recorder: Recorder) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        bare = [argument._target if isinstance(argument, _Spy) else argument for argument in arguments]
        result = function(*bare, **options)
        recorder.called(name, bare, result)
        plain = result is None or isinstance(result, int | float | str | bytes | tuple | list)
        return result if plain else _Spy(result, recorder)

    return call


def differences(contract: Sequence[str], calls: Sequence[str]) -> list[str]:
    """What to change in the contract to have the calls, as a diff; empty when they are the same."""
    lines = difflib.unified_diff(contract, calls, "contract", "this machine", lineterm="", n=2)
    return list(lines)


def contract(flavour: str, name: str) -> list[str]:
    """The calls of one scenario as they should be, with one of the two libraries."""
    found: list[str] = json.loads(CONTRACT.read_text("utf-8"))[flavour][name]
    return found
