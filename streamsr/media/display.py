"""How players turn the picture: FFmpeg's display matrix, reduced to what every container can store."""

from __future__ import annotations

import math

Matrix = tuple[int, ...]

_ONE = 1 << 16
_ONE_30 = 1 << 30
_IDENTITY: Matrix = (_ONE, 0, 0, 0, _ONE, 0, 0, 0, _ONE_30)
_SHEAR_TOLERANCE = 0.01


def normalized_matrix(matrix: Matrix | None) -> Matrix | None:
    """The pure rotation or mirroring in `matrix`; None when the picture is upright.

    Scaling goes: it would apply twice, since it is in the sample aspect ratio already, and Matroska drops a matrix that
    scales. So does translation, which players do not apply. A matrix that shears is no rotation at all: None.
    """
    if matrix is None:
        return None
    a, b, c, d = (matrix[i] / _ONE for i in (0, 1, 3, 4))
    across, down = math.hypot(a, b), math.hypot(c, d)
    if not across or not down:
        return None
    a, b, c, d = a / across, b / across, c / down, d / down
    if abs(a * c + b * d) > _SHEAR_TOLERANCE:
        return None
    a, b, c, d = (round(v * _ONE) for v in (a, b, c, d))
    clean: Matrix = (a, b, 0, c, d, 0, 0, 0, _ONE_30)
    return None if clean == _IDENTITY else clean
