"""Decoding on an NVIDIA GPU (NVDEC), where there is one that can: pictures are nv12 or p010, on the host or there."""

from __future__ import annotations

import logging
import re
from functools import cache

import av
from av.codec import Codec
from av.codec.context import CodecContext
from av.codec.hwaccel import HWAccel

from ..errors import ConfigError
from ..notices import say_once

log = logging.getLogger(__name__)

AUTO, NONE = "auto", "none"
_CUDA = re.compile(r"cuda(?::(\d+))?")

_DOWNLOADED = frozenset({"nv12", "p010le", "p016le", "nv16", "p210le", "p216le", "yuv444p", "yuv444p16le"})
"""What pictures of NVDEC are on the host; of these, only the 4:4:4 ones come from decoders on the CPU too."""


def check_hwaccel(name: str) -> None:
    """Raise `ConfigError` for what is neither `auto`, `none`, `cuda` nor `cuda:1`."""
    if name not in (AUTO, NONE) and not _CUDA.fullmatch(name):
        raise ConfigError(f"hwaccel is {name!r}; it is auto, none, cuda, or cuda:1 for the second GPU")


def device_of(name: str) -> str | None:
    """The GPU that `name` asks for by name, `cuda:0`; None for `none` and `auto`."""
    match = _CUDA.fullmatch(name)
    return f"cuda:{match[1] or 0}" if match else None


def accelerator(name: str, *, stay: bool = False) -> HWAccel | None:
    """What a container is opened with, so that its video is decoded there; None for the CPU.

    With `stay`, pictures stay there, in the context that CUDA's runtime API uses. `auto` takes a GPU if there is one.
    One that was asked for and cannot be had is said aloud, once.
    """
    if name == NONE:
        return None
    match = _CUDA.fullmatch(name)
    device = match[1] if match else None
    problem = _problem(device)
    if problem is None:
        return HWAccel("cuda", device, allow_software_fallback=True, is_hw_owned=stay)
    if name != AUTO:
        say_once(log, f"no decoding on the GPU, {problem}: the CPU does it; `streamsr doctor` says what is missing")
    return None


def tell_fallback(name: str, context: CodecContext) -> None:
    """Say once that the CPU decodes what a GPU was asked to."""
    if name == AUTO:
        return
    reason = "the GPU does not decode this kind of" if context.is_hwaccel else "no GPU is known to FFmpeg's decoder"
    say_once(log, f"{reason} {context.name}: the CPU does it")


def tell_download(reason: str) -> None:
    """Say once why pictures that a GPU was asked to decode, and to keep, come to the host all the same."""
    say_once(log, f"pictures come to the host once they are decoded: {reason}")


def on_host(context: CodecContext, frame: av.VideoFrame | None) -> bool:
    """Whether the CPU decoded this frame, or nobody could, though a GPU was set up for it: only frames tell that."""
    return context.is_hwaccel and (frame is None or frame.format.name not in _DOWNLOADED)


@cache
def _problem(device: str | None) -> str | None:
    """Why nothing can be decoded on a GPU here; None when it can."""
    try:
        HWAccel("cuda", device).create(Codec("h264", "r"))
    except (av.FFmpegError, NotImplementedError) as error:
        return f"the driver does not open it ({getattr(error, 'strerror', None) or error})"
    return None
