"""What can go wrong, as a tree. Every error says what happened, where, and what to do about it.

    StreamsrError
    ├── MediaError                          a file, stream or device
    │   ├── OpenError (OSError)             it cannot be opened or created
    │   ├── DecodeError                     nothing, or nothing more, can be decoded
    │   ├── EncodeError                     the encoder or the muxer refused
    │   └── UnsupportedFormatError          the container, codec or pixel format cannot hold this
    ├── EngineError                         a frame graph on a backend
    │   ├── BuildError                      it does not compile
    │   ├── DeviceMemoryError (MemoryError) it does not fit into the device's memory
    │   ├── MismatchError (ValueError)      inputs that are not what the engine was built for
    │   └── VerificationError               it compiles, but its pictures are wrong
    ├── ModelError (ValueError)             a model file that is not what it must be
    ├── ExportError                         a checkpoint that does not become a faithful ONNX file
    ├── TrainingError                       a training run that is lost and has stopped
    ├── ConfigError (ValueError)            an option or recipe with an impossible value
    ├── UnknownNameError (LookupError)      no model, backend or style of that name; lists the names
    └── MissingDependencyError (ImportError)    an optional package is absent; names the pip extra

Catch `StreamsrError` for all of them, or the builtin beside it where one fits.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class StreamsrError(Exception):
    """Base of every error streamsr raises on purpose."""


class MediaError(StreamsrError):
    """A file, stream or device."""


class OpenError(MediaError, OSError):
    """A file, stream or device cannot be opened or created."""


class DecodeError(MediaError):
    """Nothing, or nothing more, can be decoded."""


class EncodeError(MediaError):
    """The encoder or the muxer refused."""


class UnsupportedFormatError(MediaError):
    """The container, codec or pixel format cannot hold what it is given."""


class EngineError(StreamsrError):
    """A frame graph on a backend."""


class BuildError(EngineError):
    """A frame graph does not compile."""


class DeviceMemoryError(EngineError, MemoryError):
    """A frame graph does not fit into the device's memory."""


class MismatchError(EngineError, ValueError):
    """Inputs that are not what the engine was built for."""


class VerificationError(EngineError):
    """An engine compiles, but its pictures differ from the reference."""


class ModelError(StreamsrError, ValueError):
    """A model file that is not what it must be."""


class ExportError(StreamsrError):
    """A checkpoint that does not become a faithful ONNX file."""


class TrainingError(StreamsrError):
    """A training run that is lost and has stopped: going on would only spoil the weights."""


class ConfigError(StreamsrError, ValueError):
    """An option or recipe with an impossible value."""


class UnknownNameError(StreamsrError, LookupError):
    """No such name: the message lists the names there are and the nearest one."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        super().__init__(f"no {kind} named {name!r}{hint} (there are: {', '.join(names) or 'none'})")


class MissingDependencyError(StreamsrError, ImportError):
    """An optional package is absent: the message is the command that adds it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}; install it with: pip install 'streamsr[{extra}]'")
