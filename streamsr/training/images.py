"""Image files: found, and read as RGB arrays through the media layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError, UnsupportedFormatError
from ..media.open import open_source
from ..media.read_options import ReadOptions
from ..media.rgb import frame_rgb
from .degrade import bicubic

Image = npt.NDArray[np.uint8]

TEXT_SUFFIXES = frozenset((".txt", ".nfo", ".diz", ".asc", ".ans"))
"""Licences and notes among the pictures: FFmpeg would make a film of their letters."""


def find_images(folder: Path, include: Iterable[str], exclude: Iterable[str] = ()) -> list[Path]:
    """The files under `folder` that match a glob of `include` and none of `exclude`, sorted by name.

    Hidden files and text are left out.

    Raises:
        ConfigError: there are none, or a glob is not relative.
    """
    try:
        chosen = {path for pattern in include for path in folder.glob(pattern) if may_be_picture(path)}
        chosen -= {path for pattern in exclude for path in folder.glob(pattern)}
    except (NotImplementedError, ValueError) as error:
        raise ConfigError(f"a pattern is not a glob relative to {folder}: {error}") from error
    if not chosen:
        unwanted = f" without {', '.join(exclude)}" if exclude else ""
        raise ConfigError(f"no images in {folder} match {', '.join(include)}{unwanted}")
    return sorted(chosen)


def may_be_picture(path: Path) -> bool:
    """Whether a file of a folder is meant: not hidden, no text."""
    return path.is_file() and path.name[0] != "." and path.suffix.lower() not in TEXT_SUFFIXES


def read_rgb(path: Path) -> Image:
    """The first frame of an image file: `(H, W, 3)` uint8. Gray is repeated, alpha is left out.

    Raises:
        MediaError: it cannot be opened or decoded.
        UnsupportedFormatError: it has more than 8 bits.
    """
    source = open_source(path, ReadOptions(frames=1, threads=1))
    try:
        frame = next(iter(source))
        if frame.layout.depth != 8:
            depth = frame.layout.depth
            raise UnsupportedFormatError(f"{path} has {depth} bits; training images have 8: convert it")
        return frame_rgb(frame)
    finally:
        source.close()


def at_sizes(rgb: Image, sizes: Iterable[Fraction | float | str]) -> Iterator[Image]:
    """The image at each of `sizes`: 1 is as it is, `3/4` (a number, or so written) is bicubic at three quarters.

    Smaller versions show more detail in a pixel than the original: more to learn from the same photographs.
    """
    for size in sizes:
        yield rgb if Fraction(size) == 1 else bicubic(rgb, Fraction(size))
