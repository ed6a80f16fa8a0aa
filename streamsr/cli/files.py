"""Files that commands write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
