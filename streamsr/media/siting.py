"""Where chroma samples sit in a decoded frame.

PyAV does not expose FFmpeg's `chroma_location`, but swscale obeys it: so the siting is found by upsampling known chroma
noise in a copy of the frame, and in copies declared to be sited in each of the possible ways, and comparing.
"""

from __future__ import annotations

import av
import numpy as np

from ..color import UNKNOWN
from ..layout import PixelLayout
from .colors import CODES
from .convert import frame_planes, native_layout
from .filters import FilterChain

_SIZE = 32
_CENTER_SAYERS = frozenset(
    ("mjpeg", "mpeg1video", "h261", "h263", "flv", "theora", "vp3", "h264", "hevc", "vvc", "msmpeg4", "webp")
)
"""Codecs whose decoders declare `center`. swscale takes undeclared siting for `center` too; for other codecs that
reading means `unknown`."""


def measure_siting(frame: av.VideoFrame, codec: str, container: str) -> str:
    """FFmpeg's name of the chroma siting `frame` declares; `unknown` without subsampled chroma or a declaration.

    `codec` and `container` are FFmpeg's names of where the frame comes from.
    With chroma subsampled in one direction only, sitings that agree in it are one: 4:2:2 is `left` or `center`.
    """
    layout = native_layout(frame.format.name)
    if layout is None or layout.family != "yuv" or not layout.sub_x:
        return UNKNOWN
    noise = _noise(frame, layout)
    measured = _chroma(noise)
    for name in (n for n in CODES["siting"] if n != UNKNOWN):
        declared = FilterChain(noise, ("setparams", f"chroma_location={name}")).through(noise)
        if _chroma(declared) == measured:
            silent = codec not in _CENTER_SAYERS and not (container == "yuv4mpegpipe" and layout.depth == 8)
            return UNKNOWN if name == "center" and silent else name
    return UNKNOWN


def _noise(frame: av.VideoFrame, layout: PixelLayout) -> av.VideoFrame:
    """A small picture with every property of `frame`, but its pixels random (and always the same)."""
    crop = f"min(iw\\,{_SIZE}):min(ih\\,{_SIZE}):0:0:exact=1"
    small = FilterChain(frame, ("crop", crop)).through(frame)
    small.make_writable()
    random = np.random.default_rng(0)
    for plane in frame_planes(small, layout):
        plane[...] = random.integers(layout.peak // 4, layout.peak // 4 * 3, plane.shape) << layout.shift
    return small


def _chroma(frame: av.VideoFrame) -> list[bytes]:
    full = frame.reformat(format="yuv444p", interpolation="BILINEAR")
    return [bytes(plane) for plane in full.planes[1:]]
