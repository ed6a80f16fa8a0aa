"""Folding a residual path that enlarges the picture by repeating pixels; see `fold`.

The enlarged picture is the picture with each channel repeated for every pixel of a block, shuffled to pixels. So it can
be added before the network's own shuffle, at the small size, where the rules for such sums apply.
"""

from __future__ import annotations

import numpy as np
import onnx

from .builder import OWN
from .rewrite import Rewriter, attributes


def fold_repeats(g: Rewriter) -> None:
    """Turn `DepthToSpace(x) + Resize(picture)` into `DepthToSpace(x + picture, channels repeated)`."""
    for node in [n for n in g.nodes if n.op_type == "Add" and not n.name.startswith(OWN)]:
        for main, other in (tuple(node.input), tuple(reversed(node.input))):
            joint = _joint(g, g.producer(main), g.producer(other)) if g.private(main) else None
            if joint is not None:
                g.redirect(node.output[0], g.shaped(joint, g.shape(node.output[0]) or []))
                break
    g.prune()


def _joint(g: Rewriter, shuffle: onnx.NodeProto | None, resize: onnx.NodeProto | None) -> str | None:
    """The shuffled sum of what `shuffle` reads and what `resize` repeats; None where they are something else."""
    if shuffle is None or resize is None or shuffle.op_type != "DepthToSpace" or resize.op_type != "Resize":
        return None
    given = attributes(shuffle)
    block, shape, channels = given["blocksize"], g.shape(shuffle.input[0]), g.shape(resize.input[0])
    if shape is None or channels is None or shape[1] != channels[1] * block**2 or not _repeats(g, resize, block):
        return None
    picture = resize.input[0]
    if channels[1] > 1:
        last = given.get("mode", b"DCR") == b"CRD"
        order = np.repeat(range(channels[1]), block**2) if last else np.tile(range(channels[1]), block**2)
        picture = g.shaped(g.add("Gather", [picture, g.const(order, np.int64)], axis=1), shape)
    total = g.shaped(g.add("Add", [shuffle.input[0], picture]), shape)
    return g.copy(shuffle, [total])


def _repeats(g: Rewriter, resize: onnx.NodeProto, block: int) -> bool:
    """Whether each pixel becomes `block` by `block` like it."""
    given = attributes(resize)
    scales = g.value(resize.input[2]) if len(resize.input) == 3 else None
    if scales is None or scales.tolist() != [1, 1, block, block] or given.get("mode", b"nearest") != b"nearest":
        return False
    where = given.get("coordinate_transformation_mode", b"half_pixel")
    which = given.get("nearest_mode", b"round_prefer_floor")
    halves = where in (b"half_pixel", b"pytorch_half_pixel") and which.startswith(b"round")
    return halves or (where, which) == (b"asymmetric", b"floor")
