"""Flowblend: what both forms of the temporal smoother compute, the one on the host and the one in the frame graph.

Causal, no frame late. Y and S are the luma of the input and the styled picture of this frame, Y' and O' the input and
the result of the one before; everything in [0, 1] of the coded peak, `box` means over 3x3 neighbours.

    f = where each pixel was one frame ago, seen in Y and Y' at 1/`flow_division` of the size (see below)
    H = O' followed along f, bicubic                        Ŷ = Y' followed along f, bilinear
    d = 3 box((Y - Ŷ)^2)                                    what the flow does not explain
    w = strength exp(-SENSITIVITY max(d - NOISE, 0)) / (1 + exp(CUT_STEEPNESS (mean d - CUT)))
    B = w H + (1 - w) S                                     still, but dull: averaging takes contrast away
    D(X) = X - box(X),  v(X) = box(D(X)^2 in means of 2x2)  the luma's finest detail, and how much of it there is
    g = clip(CONTRAST sqrt(v(S) / v(B)), 1, GAIN_MAX)
    O = B + (g - 1) D(B)                                    the contrast of S, in the places where B has its detail

Judging the history by how well it explains the input, without looking at the styled pictures, is Lai et al.'s mask
("Learning blind video temporal consistency", ECCV 2018); the flow is the pyramidal, dense form of Lucas and Kanade
(IJCAI 1981; Bouguet, 2001): one damped step a level, from half the size downwards. Everything happens to luma and
chroma alike but the last two lines, so a picture may be smoothed as R'G'B' or as planes of YUV.
"""

from __future__ import annotations

STRENGTH = 0.85
"""How much of a picture may come from the one before, unless told otherwise."""
SENSITIVITY = 100.0
NOISE = 0.001
"""Residual that may be noise alone: 1.5 times its variance at half the size, so up to 6.6 of 255 codes RMS are free."""
CUT = 0.02
"""Mean residual of another scene; 0.0007 to 0.004 in normal motion, 0.17 to 0.31 at hard cuts."""
CUT_STEEPNESS = 1000.0
CONTRAST = 0.85
"""Share of the styled picture's local contrast that is kept up. What is above costs stillness, what is below detail."""
GAIN_MAX = 2.5
VARIANCE_MIN = 1e-5
"""Below this there is no detail, only rounding: it is not amplified."""

WINDOW = 7
"""Side of the flow's window, and of the box that smooths the flow after each step."""
DAMPING = 3e-4
"""Added to the squared slopes: where a picture is flat, nothing moves."""
STEP_MAX = 1.0
"""Pixels a step may go."""

_SIDE_MIN = 16
_LARGE = 1_500_000


def flow_division(width: int, height: int) -> int:
    """How many times smaller than the picture the flow is, along both sides: 2, or 4 from about 1080p on."""
    return 4 if width * height >= _LARGE else 2


def pyramid_levels(width: int, height: int) -> int:
    """Sizes at which flow is sought between pictures of `width` x `height`, each half the one before."""
    side, levels = min(width, height), 1
    while (side := -(-side // 2)) >= _SIDE_MIN:
        levels += 1
    return levels
