"""Pictures that stay on the GPU between FFmpeg and the engine: NVDEC's as planes, planes as NVENC's."""

from __future__ import annotations

from functools import cache

import av
from av.video.frame import CudaContext

from ..frame import Plane
from ..layout import PixelLayout
from ..residence import DevicePlane, DevicePlanes
from .convert import frame_planes

LAYOUTS_THERE = frozenset({"nv12", "p010le"})
"""Layouts in which pictures can stay there: those that PyAV hands over by DLPack, and engines take."""

_FORMAT = "cuda"
"""What FFmpeg calls the pixel format of frames on an NVIDIA GPU, whatever layout they have there."""


def layout_there(frame: av.VideoFrame) -> str | None:
    """The layout of a frame that lies on a device; None for one on the host."""
    if frame.format.name != _FORMAT or frame.sw_format is None:
        return None
    return frame.sw_format.name


def stays(frame: av.VideoFrame, width: int, height: int, pix_fmt: str) -> bool:
    """Whether a frame lies on a device, is of that size and layout, and can be taken as it is."""
    return layout_there(frame) == pix_fmt in LAYOUTS_THERE and (frame.width, frame.height) == (width, height)


def to_host(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame on the host, its time and tags kept: itself, if it is there already."""
    layout = layout_there(frame)
    return frame if layout is None else download(frame, layout)


def download(frame: av.VideoFrame, layout: str) -> av.VideoFrame:
    """Fetch a frame from the device it lies on."""
    result = frame.reformat(format=layout)  # of a frame on a device, that begins with a transfer
    result.pts, result.dts, result.duration, result.time_base = frame.pts, frame.dts, frame.duration, frame.time_base
    return result


def planes_there(frame: av.VideoFrame, layout: PixelLayout) -> DevicePlanes:
    """The planes of a frame that `stays`, without a copy; they keep its memory, also when the decoder is closed."""

    def fetch() -> tuple[Plane, ...]:
        return frame_planes(to_host(frame), layout)

    return DevicePlanes([DevicePlane.from_dlpack(plane) for plane in frame.planes], fetch)


def frame_there(planes: DevicePlanes, layout: PixelLayout) -> av.VideoFrame:
    """An `av.VideoFrame` of planes on a device, without a copy, for an encoder there: each in place after the other.

    Raises:
        av.FFmpegError: FFmpeg cannot share the device with whoever made the planes.
    """
    number = int(planes.device.partition(":")[2])
    return av.VideoFrame.from_dlpack(list(planes.surfaces), layout.name, cuda_context=_context(number))


@cache
def _context(index: int) -> CudaContext:
    """FFmpeg's handle of a device, opened with the first frame: one for all frames, as an encoder remembers it."""
    return CudaContext(index)


def can_stay(pix_fmt: str, width: int, height: int) -> bool:
    """Whether pictures of that layout and size can stay on a device."""
    return pix_fmt in LAYOUTS_THERE and width % 2 == height % 2 == 0


def fits_there(codec: str, pix_fmt: str, width: int, height: int) -> bool:
    """Whether an encoder takes such pictures from a device."""
    return codec.endswith("_nvenc") and can_stay(pix_fmt, width, height)
