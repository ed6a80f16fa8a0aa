"""Files that commands write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .options import UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


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


def write_picture(path: Path, rgb: npt.NDArray[np.uint8]) -> None:
    """Write RGB `(H, W, 3)` in the format of the path's suffix.

    Raises:
        ConfigError: no format has that suffix.
    """
    import cv2

    try:
        written = cv2.imwrite(str(path), rgb[..., ::-1])
    except cv2.error:
        written = False
    if not written:
        raise ConfigError(f"no picture can be written to a file called *{path.suffix}; use .png, .jpg, .webp or .tiff")
