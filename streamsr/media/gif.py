"""Whether an animated GIF shows transparency, which its decoder's pixel format does not tell."""

from __future__ import annotations

import re
from pathlib import Path

import av

from ..layout import LAYOUTS
from .convert import frame_planes

_OPAQUE = 255
_DISPOSAL = re.compile(rb"!\xf9\x04(.)", re.DOTALL)
_TO_BACKGROUND = 2


def never_transparent(gif: Path, first: av.VideoFrame) -> bool:
    """Whether the file `gif`, whose first frame is `first`, stays opaque, though all GIFs decode to `bgra`.

    Later frames are painted over an opaque one, so it takes a "restore to background" (disposal method 2 of a graphic
    control extension, GIF89a section 23) to uncover anything. Bytes that only look like one count too: when in doubt,
    the alpha channel is kept.
    """
    if first.format.name != "bgra" or (frame_planes(first, LAYOUTS["bgra"])[0][..., 3] != _OPAQUE).any():
        return False
    return all(flags[1][0] >> 2 & 7 != _TO_BACKGROUND for flags in _DISPOSAL.finditer(gif.read_bytes()))
