"""Image files as RGB arrays, through the media layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import UnsupportedFormatError
from ..media.open import open_source
from ..media.read_options import ReadOptions
from ..media.rgb import frame_rgb
from .degrade import bicubic

Image = npt.NDArray[np.uint8]


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
