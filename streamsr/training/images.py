"""Image files as RGB arrays, through the media layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import UnsupportedFormatError
from ..frame import Frame
from ..media.open import open_source
from ..media.read_options import ReadOptions
from .metrics import to_codes

Image = npt.NDArray[np.uint8]

# JFIF: full-range BT.601; rows are R, G, B, columns Cb, Cr around 128.
_CHROMA = np.array(((0.0, 1.402), (-0.344136, -0.714136), (1.772, 0.0)))


def read_rgb(path: Path) -> Image:
    """The first frame of an image file: `(H, W, 3)` uint8. Gray is repeated, alpha is left out.

    Raises:
        MediaError: it cannot be opened or decoded.
        UnsupportedFormatError: it has more than 8 bits.
    """
    source = open_source(path, ReadOptions(frames=1, threads=1))
    try:
        return _rgb(next(iter(source)), path)
    finally:
        source.close()


def _rgb(frame: Frame, path: Path) -> Image:
    layout = frame.layout
    if layout.depth != 8:
        raise UnsupportedFormatError(f"{path} has {layout.depth} bits; training images have 8: convert it")
    components = {
        letter: plane if plane.ndim == 2 else plane[..., index]
        for letters, plane in zip(layout.planes, frame.planes, strict=True)
        for index, letter in enumerate(letters)
    }
    if layout.family == "rgb":
        return np.stack([components[letter] for letter in "RGB"], axis=-1).astype(np.uint8)
    gray = np.repeat(components["Y"][..., None], 3, axis=2).astype(np.float64)
    if layout.family == "gray":
        return gray.astype(np.uint8)
    if frame.color.range == "tv":
        raise UnsupportedFormatError(f"{path} is limited-range video; training images are RGB, gray or JPEG")
    chroma = np.stack([_enlarged(components[letter], layout.sub_x, layout.sub_y, frame) for letter in "UV"], axis=-1)
    return to_codes(gray + (chroma - 128.0) @ _CHROMA.T)


def _enlarged(plane: npt.NDArray[np.generic], sub_x: int, sub_y: int, frame: Frame) -> npt.NDArray[np.generic]:
    """Each chroma sample for all the pixels it covers."""
    return plane.repeat(1 << sub_y, axis=0).repeat(1 << sub_x, axis=1)[: frame.height, : frame.width]
