"""What TensorRT says while it builds, and errors made of it: it returns nothing, and tells a logger why."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable
from functools import cache
from types import ModuleType
from typing import Any, Protocol, cast

from ..errors import BuildError, DeviceMemoryError, EngineError

log = logging.getLogger(__name__)

_KEPT = 50
_LISTING = "Layers:"
"""How the builder's list of layers begins."""
_NOISE = ("checkMacros", "--- Begin node", "--- End node", "Thread context", "While parsing node")
"""Messages about messages, and about the driver that is not there."""
_WRAPPED = re.compile(r"Error Code \d+: [^(]*\((?P<said>.*)\)\s*$")
_PLACE = re.compile(r"\s*In \w+ at /\S+|\[[\w.]+:\d+: \w+\]|^ERROR: \S+ In function \w+:|\[\d+\] ")
_MEMORY = ("out of memory", "outofmemory", "cudaerror 2)", "requested amount of gpu memory")


class Recorder(Protocol):
    """A TensorRT logger that keeps what matters of a build."""

    listing: str
    """The builder's list of layers, empty unless it gave one."""

    def begin(self) -> None:
        """Forget what was said before."""
        ...

    def complaints(self) -> list[str]:
        """The errors reported since `begin`, oldest first."""
        ...


@cache
def recorder(trt: ModuleType) -> Recorder:
    """The logger of a library's builds. Kept for good: builders keep talking to the first one they met."""

    class _Recorder(trt.ILogger):  # type: ignore[misc, name-defined]  # a base that only exists once it is imported
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.listing = ""
            self._errors: list[str] = []
            self._lock = threading.Lock()

        def begin(self) -> None:
            with self._lock:
                self.listing, self._errors = "", []

        def complaints(self) -> list[str]:
            with self._lock:
                return list(self._errors)

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                with self._lock:
                    self._errors = [*self._errors, message][-_KEPT:]
            elif severity == trt.ILogger.Severity.WARNING:
                log.info("TensorRT: %s", message)
            elif message.startswith(_LISTING):
                self.listing = message

    return cast("Recorder", _Recorder())


def refusal(what: str, complaints: Iterable[str], layers: Iterable[str] = ()) -> EngineError:
    """The error for `what` failed: the reason among its complaints, and the layer of the network that it is about."""
    said = [message for message in complaints if not message.lstrip("[").startswith(_NOISE)]
    reason = _core(said[0]) if said else "TensorRT gives no reason"
    named = [name for name in layers if name and any(name in message for message in said)]
    where = f" at {max(named, key=len)!r}" if named and max(named, key=len) not in reason else ""
    text = f"{what}{where}: {reason}"
    short = any(mark in message.lower() for message in said for mark in _MEMORY)
    return DeviceMemoryError(text) if short else BuildError(text)


def parser_refusal(what: str, parser: Any) -> BuildError:
    """The error for a graph that the parser refused: every node it complains about, with its operator."""
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    lines = [f"{error.node_operator()} {error.node_name()!r}: {_core(error.desc())}" for error in errors]
    return BuildError(f"{what}: {'; '.join(dict.fromkeys(lines)) or 'TensorRT gives no reason'}")


def _core(message: str) -> str:
    """A complaint without the places in TensorRT's source that it comes from."""
    lines = [line for line in message.splitlines() if not any(noise in line for noise in _NOISE)] or [message]
    line = next((line for line in lines if "Error Code" in line), lines[0])
    found = _WRAPPED.search(line)
    return " ".join(_PLACE.sub("", found["said"] if found else line).split()).removeprefix("(").removesuffix(")")
