"""A clip through a video encoder and back, in memory: what compression makes of it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from ..color import Color
from ..errors import EncodeError, UnknownNameError
from ..layout import LAYOUTS
from .codecs import codec_options, encoder_defaults
from .convert import frame_planes
from .encoder import EncoderSetup, new_context
from .options import WriteOptions
from .rgb import Rgb, picture_rgb, rgb_picture


@dataclass(frozen=True, slots=True)
class _Encoder:
    decoder: str
    params: str = ""
    """Handed to the library: scene cuts make no key frame."""
    least: int = 2
    """Smaller pictures are padded to so many rows and columns."""


# x264's macroblock tree sums uninitialised memory with AVX-512 and rounds differently with AVX2: with SSE4.2 a clip
# gives the same bytes every time and everywhere. x265's tree writes beyond its buffers when a side is below about 64.
_X264_PARAMS = "scenecut=0:asm=SSE42" if platform.machine() in {"x86_64", "AMD64"} else "scenecut=0"
ENCODERS = {
    "libx264": _Encoder("h264", _X264_PARAMS),
    "libx265": _Encoder("hevc", "scenecut=0", least=96),
    "libvpx-vp9": _Encoder("vp9"),
}
"""The encoders a clip can go through."""

_RATE = Fraction(25)
_LAYOUT = LAYOUTS["yuv420p"]


@dataclass(frozen=True, slots=True)
class Compression:
    """How a clip is encoded: 8-bit 4:2:0, limited range, one key frame at its beginning.

    Raises:
        UnknownNameError: an encoder that is not in `ENCODERS`.
        ConfigError: a crf or preset that the encoder does not take.
    """

    codec: str = "libx264"
    crf: float = 23.0
    """Constant quality in the encoder's own scale."""
    preset: str | None = None
    """`medium`, … for x264 and x265; VP9 has none."""
    matrix: str = "smpte170m"
    """Colour matrix by FFmpeg's name: `smpte170m` (BT.601) or `bt709`."""
    threads: int = 1

    def __post_init__(self) -> None:
        if self.codec not in ENCODERS:
            raise UnknownNameError("encoder for a clip", self.codec, ENCODERS)
        self.options()

    def options(self) -> dict[str, str]:
        """The encoder's options by FFmpeg's names."""
        options = codec_options(self.codec, WriteOptions(crf=self.crf, preset=self.preset))
        defaults = encoder_defaults(self.codec)
        if defaults.params is not None:
            options[defaults.params] = ":".join(filter(None, (ENCODERS[self.codec].params, defaults.params_quiet)))
        return options


@dataclass(frozen=True, slots=True)
class CodedClip:
    """A clip as a viewer gets it."""

    frames: Rgb
    """`(T, H, W, 3)` uint8, converted with the matrix it was encoded with."""
    luma: npt.NDArray[np.uint8]
    """`(T, H, W)`: Y as the decoder gave it, 16..235; what a luma model is fed."""
    keys: tuple[bool, ...]
    """Whether each frame is a key frame."""
    kinds: str
    """One letter a frame: I, P or B. A VP9 frame is I or P."""
    size: int
    """Bytes of the coded pictures."""


def code_clip(clip: Rgb, compression: Compression) -> CodedClip:
    """Encode and decode a clip `(T, H, W, 3)` uint8 RGB; on one machine a clip always gives the same.

    Sides that are odd, or too small for the encoder, are padded by their last row or column and cropped afterwards.

    Raises:
        EncodeError: the encoder refuses (pictures too large for it), or frames get lost.
    """
    frames, height, width = clip.shape[:3]
    encoder = ENCODERS[compression.codec]
    rows, columns = (max(side + side % 2, encoder.least) for side in (height, width))
    padded = np.pad(clip, ((0, 0), (0, rows - height), (0, columns - width), (0, 0)), mode="edge")
    try:
        packets = list(_encoded(padded, compression))
        pictures = list(_decoded(packets, encoder.decoder))
    except av.FFmpegError as error:
        raise EncodeError(f"{compression.codec} failed on a clip of {width}x{height}: {error}") from error
    if len(pictures) != frames:
        raise EncodeError(f"{compression.codec} gave back {len(pictures)} of {frames} frames of {width}x{height}")
    return CodedClip(
        np.stack([picture_rgb(picture)[:height, :width] for picture in pictures]),
        np.stack([frame_planes(picture, _LAYOUT)[0][:height, :width] for picture in pictures]).astype(np.uint8),
        tuple(bool(picture.key_frame) for picture in pictures),
        "".join(PictureType(picture.pict_type).name for picture in pictures),
        sum(packet.size for packet in packets),
    )


def _encoded(clip: Rgb, compression: Compression) -> Iterator[Packet[Stream]]:
    color = Color(compression.matrix, "tv", compression.matrix, compression.matrix, "left")
    encoder = _encoder(clip, compression, color)
    for index, rgb in enumerate(clip):
        picture = rgb_picture(rgb, _LAYOUT.name, color)
        picture.pts, picture.time_base = index, 1 / _RATE
        yield from encoder.encode(picture)
    yield from encoder.encode(None)


def _encoder(clip: Rgb, compression: Compression, color: Color) -> VideoCodecContext:
    frames, height, width = clip.shape[:3]
    setup = EncoderSetup(
        compression.codec,
        _LAYOUT.name,
        width,
        height,
        1 / _RATE,
        _RATE,
        Fraction(1),
        color,
        compression.threads,
        compression.options(),
    )
    encoder = new_context(compression.codec)
    setup.configure(encoder)
    encoder.gop_size = frames + 1
    return encoder


def _decoded(packets: list[Packet[Stream]], codec: str) -> Iterator[av.VideoFrame]:
    decoder = cast("VideoCodecContext", av.CodecContext.create(codec, "r"))
    decoder.thread_count = 1
    for packet in packets:
        yield from decoder.decode(packet)
    yield from decoder.decode(None)
