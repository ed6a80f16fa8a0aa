"""Code values and colour matrices, as ITU-T H.273 (2021) defines them.

`Y' = KR R' + KG G' + KB B'`, `Cb = (B' - Y') / (2 (1 - KB))`, `Cr = (R' - Y') / (2 (1 - KR))` (H.273, 8.3), on
gamma-encoded R', G', B' in [0, 1]. Code values of depth d: limited ("tv") `(219 Y' + 16) 2^(d-8)` and
`(224 C + 128) 2^(d-8)`; full ("pc") `(2^d - 1) Y'` and `(2^d - 1) C + 2^(d-1)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import UnsupportedFormatError
from .builder import Floats

COEFFICIENTS = {
    "bt709": (0.2126, 0.0722),
    "fcc": (0.30, 0.11),
    "bt470bg": (0.299, 0.114),
    "smpte170m": (0.299, 0.114),
    "smpte240m": (0.212, 0.087),
    "bt2020nc": (0.2627, 0.0593),
}
"""(KR, KB) by FFmpeg's name of the matrix: H.273, table 4."""


def matrix_from_rgb(name: str) -> Floats:
    """The 3x3 matrix from R'G'B' in [0, 1] to Y' in [0, 1], Cb and Cr in [-0.5, 0.5].

    Raises:
        UnsupportedFormatError: a matrix that is not linear in R'G'B', or not known.
    """
    if name not in COEFFICIENTS:
        known = ", ".join(COEFFICIENTS)
        raise UnsupportedFormatError(
            f"colour matrix {name!r} cannot be converted to RGB (known: {known}); use a luma model or convert the video"
        )
    red, blue = COEFFICIENTS[name]
    luma = np.array([red, 1 - red - blue, blue])
    cb = (np.array([0.0, 0.0, 1.0]) - luma) / (2 * (1 - blue))
    cr = (np.array([1.0, 0.0, 0.0]) - luma) / (2 * (1 - red))
    return np.stack([luma, cb, cr])


@dataclass(frozen=True, slots=True)
class Coding:
    """What code values mean: luma (and R, G, B) is `black + (white - black) * Y'`, chroma is `middle + span * C`."""

    black: float
    white: float
    middle: float
    span: float
    peak: float
    """The largest code."""

    @property
    def gains(self) -> Floats:
        """Codes per unit of Y', Cb and Cr."""
        return np.array([self.white - self.black, self.span, self.span])

    @property
    def offsets(self) -> Floats:
        """Codes of black and of no colour."""
        return np.array([self.black, self.middle, self.middle])


UNIT = Coding(0.0, 1.0, 0.5, 1.0, 1.0)
"""Full range in [0, 1]: what R, G, B and values without a bit depth are held in."""


def coding(color_range: str, depth: int) -> Coding:
    """The meaning of `depth`-bit codes of a range ("tv" is limited, anything else full)."""
    peak, unit = (1 << depth) - 1, 1 << (depth - 8) if depth >= 8 else 1
    if color_range == "tv":
        return Coding(16 * unit, 235 * unit, 128 * unit, 224 * unit, peak)
    return Coding(0, peak, 1 << (depth - 1), peak, peak)
