"""The folding pass: what is linear around a network goes into the network's own convolutions.

Colour matrices, code-value scales and the averaging of chroma are linear, and networks begin and end with a
convolution, so none of these needs an operation of its own: the pass composes their matrices where it finds the pattern
and leaves the graph alone where it does not.

- Beforehand (`fold_repeat`): a residual path that enlarges the picture by repeating pixels joins before the shuffle.
- Inwards (`fold_in`): a channel mix or a scale that a network's first convolutions read moves into their weights. It
  has no offset (the signal's zero is black), so zero padding keeps its meaning.
- Outwards (`fold_scale`, `fold_mix`): scales, mixes and chroma averaging move back through DepthToSpace, the sum of a
  residual path, and a final clamp, into the last convolution; on a residual path they cancel against the inward ones.

The result equals the unfolded graph up to rounding, except that a network's own clamp to [0, 1] in front of a colour
matrix is dropped: inside the gamut it does nothing, and outside the clamp of the code values takes its place.
"""

from __future__ import annotations

import onnx

from .fold_in import fold_in
from .fold_mix import fold_mixes
from .fold_repeat import fold_repeats
from .fold_scale import fold_scales
from .rewrite import Rewriter


def folded(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A faster graph of the same function, shapes yet to be inferred; the argument is not changed."""
    g = Rewriter(proto)
    fold_repeats(g)
    fold_in(g)
    fold_scales(g)
    fold_mixes(g)
    return g.finish()
