"""Execution contexts, and the kernels that TensorRT for RTX compiles for the device when it makes the first one."""

from __future__ import annotations

import struct
from typing import Any

from ..errors import BuildError

_LENGTH = struct.Struct("<Q")


class Contexts:
    """Makes the contexts of an engine.

    TensorRT's plans hold kernels. Those of TensorRT for RTX hold what they are made from, for any device; making them
    takes seconds, so they are kept with the plan.
    """

    def __init__(self, engine: Any, kernels: bytes = b"", *, compiles: bool = False) -> None:
        """Take an engine, and the kernels it was found with; `compiles` says that the engine makes its own.

        Raises:
            BuildError: the kernels are another device's or driver's.
        """
        self._engine = engine
        self._config = engine.create_runtime_config() if compiles else None
        if self._config is not None:
            self._cache = self._config.create_runtime_cache()
            if kernels and not self._cache.deserialize(kernels):
                raise BuildError("the kernels in the cached engine are another GPU's or another driver's")
            self._config.set_runtime_cache(self._cache)

    def make(self) -> Any:
        """A context; None when TensorRT cannot, and has told its logger why."""
        if self._config is None:
            return self._engine.create_execution_context()
        return self._engine.create_execution_context(self._config)

    def kernels(self) -> bytes:
        """What was compiled so far; empty when it is in the plan anyway."""
        return b"" if self._config is None else bytes(self._cache.serialize())


def pack(plan: bytes, kernels: bytes) -> bytes:
    """A plan with its kernels, as one blob."""
    return _LENGTH.pack(len(plan)) + plan + kernels


def unpack(blob: bytes) -> tuple[bytes, bytes]:
    """The inverse of `pack`. What comes from elsewhere gives nonsense, which TensorRT refuses: it checks its plans."""
    head, rest = blob[: _LENGTH.size], blob[_LENGTH.size :]
    length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
    return rest[:length], rest[length:]
