"""Files that commands write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .options import UsageError


@contextmanager
def new_file(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """A path to write to; the file gets the name `target` when the block ends, and is removed when it fails.

    Raises:
        OpenError: the target exists and may not be replaced, is a folder, or cannot be made.
    """
    from ..media.output import PendingFile

    file = PendingFile(target, overwrite=overwrite)
    try:
        yield file.path
        file.publish()
    finally:
        file.discard()  # nothing is left to discard once it is published


@contextmanager
def new_model(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """`new_file` for a model, which goes by its suffix.

    Raises:
        UsageError: the target is not called `.onnx`.
        OpenError: as `new_file` does.
    """
    if target.suffix.lower() != ".onnx":
        raise UsageError(f"{target}: a model is a file called .onnx, or nothing will take it for one")
    with new_file(target, overwrite=overwrite) as path:
        yield path
