"""One video encoder: frames in, packets out, every tag in place."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import av
from av import Packet
from av.codec.context import Flags
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext

from ..color import UNKNOWN, Color
from ..errors import EncodeError, UnsupportedFormatError
from ..frame import Frame, VideoInfo
from ..notices import say_once
from ..residence import DevicePlanes
from .codecs import encoder_defaults
from .colors import write_color
from .convert import video_frame
from .options import WriteOptions
from .retime import Retimer
from .surfaces import fits_there, frame_there

log = logging.getLogger(__name__)

_FALLBACK_RATE = Fraction(25)
_DENOMINATOR_MAX = 50_000
"""So that neither half of a ratio outgrows what FFmpeg and the codecs store."""
_LAMBDA_PER_STEP = 118
"""FFmpeg's FF_QP2LAMBDA: what one step of a quantizer scale counts as in `global_quality`."""


@dataclass(frozen=True, slots=True)
class EncoderSetup:
    """Everything an encoder must know before it opens."""

    codec: str
    pix_fmt: str
    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    sar: Fraction
    color: Color
    threads: int = 0
    options: Mapping[str, str] = field(default_factory=dict)
    device: str | None = None
    """Where the frames lie that the encoder takes, `cuda:0`; None is the host."""

    @classmethod
    def of(cls, codec: str, pix_fmt: str, info: VideoInfo, options: WriteOptions, time_base: Fraction) -> EncoderSetup:
        """The setup for a stream like `info`."""
        rate = (info.frame_rate or _FALLBACK_RATE).limit_denominator(_DENOMINATOR_MAX)
        sar, size = info.sar.limit_denominator(_DENOMINATOR_MAX), (info.width, info.height)
        device = info.device if fits_there(codec, pix_fmt, *size) else None
        return cls(codec, pix_fmt, *size, time_base, rate, sar, info.color, options.threads or 0, device=device)

    def configure(self, context: VideoCodecContext) -> None:
        """Write the setup into a context that is not open yet."""
        context.width, context.height, context.pix_fmt = self.width, self.height, self.pix_fmt
        context.time_base, context.framerate = self.time_base, self.rate
        if self.sar != 1:
            context.sample_aspect_ratio = self.sar
        write_color(context, self.color)
        context.thread_count = self.threads
        context.thread_type = "AUTO"  # PyAV's own choice, slices only, costs x264 speed and quality
        context.flags |= Flags.frame_duration
        qscale = encoder_defaults(self.codec).qscale
        if qscale is not None:
            context.qscale = True
            context.global_quality = qscale * _LAMBDA_PER_STEP
        siting = {} if self.color.siting == UNKNOWN else {"chroma_sample_location": self.color.siting}
        context.options = {**context.options, **siting, **self.options}


def try_encoder(setup: EncoderSetup) -> list[str]:
    """Open and drop an encoder; returns the options it did not know.

    Raises:
        av.FFmpegError: it does not open.
    """
    context = new_context(setup.codec)
    setup.configure(context)
    context.open()
    return list(context.options)


def new_context(codec: str) -> VideoCodecContext:
    """A fresh context of the video encoder `codec`, to be configured.

    Raises:
        UnsupportedFormatError: it does not encode video.
    """
    context = av.CodecContext.create(codec, "w")
    if not isinstance(context, VideoCodecContext):
        raise UnsupportedFormatError(f"{codec} is no video encoder")
    return context


class VideoEncoder:
    """Encodes the `Frame`s of one stream in `context`, a fresh one; it opens with the first frame, or when told to.

    One that is to take frames on a device must not be told: it opens for frames such as the first one.
    """

    def __init__(self, context: VideoCodecContext, setup: EncoderSetup, retimer: Retimer) -> None:
        self.frames = 0
        """Frames taken so far."""
        self.start = self.end = Fraction(0)
        """When the first of them begins and the last one ends, in seconds of the output."""
        self._context = context
        self._setup = setup
        self._retimer = retimer
        self._begun = False
        self._there = setup.device is not None
        setup.configure(context)

    def encode(self, frame: Frame) -> list[Packet[Stream]]:
        """The packets that are ready once `frame` is in; none at first, several later.

        Raises:
            EncodeError: the frame is not of the size the encoder was opened for, or the encoder failed.
        """
        if (frame.width, frame.height) != (self._setup.width, self._setup.height):
            raise EncodeError(f"{frame} does not fit a stream of {self._setup.width}x{self._setup.height}")
        ready = self._taken_there(frame) or self._on_host(frame)
        ready.pts, duration = self._retimer.place(frame.pts, frame.duration)
        ready.time_base = self._retimer.target
        if duration is not None:
            ready.duration = duration
        lasting = duration or round(1 / (self._setup.rate * ready.time_base))
        self.end = (ready.pts + lasting) * ready.time_base
        if not self.frames:
            self.start = ready.pts * ready.time_base
        self.frames += 1
        return list(self._send(ready, f"at {float(frame.time):.3f} s"))

    def _taken_there(self, frame: Frame) -> av.VideoFrame | None:
        """A frame on the device for an encoder there. The first frame decides: the encoder opens for its like."""
        planes = frame.planes
        if not (self._there and isinstance(planes, DevicePlanes) and frame.layout.name == self._setup.pix_fmt):
            self._there = self._there and bool(self.frames)
            return None
        try:
            ready = frame_there(planes, frame.layout)
        except av.FFmpegError as error:
            if self.frames:
                raise EncodeError(f"{self._setup.codec} takes no more frames from {planes.device}: {error}") from error
            say_once(log, f"pictures come to the host before they are encoded: FFmpeg does not share the GPU, {error}")
            self._there = False
            return None
        if not self.frames:
            self._context.pix_fmt = ready.format.name
        write_color(ready, self._setup.color)
        return ready

    def _on_host(self, frame: Frame) -> av.VideoFrame:
        ready = video_frame(frame.planes, frame.layout)
        write_color(ready, self._setup.color)
        return ready if ready.format.name == self._setup.pix_fmt else ready.reformat(format=self._setup.pix_fmt)

    def flush(self) -> Iterator[Packet[Stream]]:
        """The packets still inside, one by one as the encoder completes them: a slow one may take seconds for all."""
        early = not self._begun
        packets = self._send(None, "at the end")
        yield from _with_decoding_times(list(packets)) if early else packets

    def close(self) -> None:
        """Let go of FFmpeg's encoder; this one is of no more use. Once.

        One on a device has memory there in hand that is its owner's to free, and an error would keep it: by its
        traceback.
        """
        del self._context

    def _send(self, frame: av.VideoFrame | None, where: str) -> Iterator[Packet[Stream]]:
        """What comes out once `frame` is in. A loop in Python, so that signals are heard between two packets."""
        try:
            for packet in self._context.encode_lazy(frame):
                self._begun = True
                yield packet
        except av.FFmpegError as error:
            there = self._there and frame is not None
            hint = "; leave out --hwaccel cuda, and pictures come to it from the host" if there else ""
            raise EncodeError(f"{self._setup.codec} failed {where}: {error}{hint}") from error


def _with_decoding_times(packets: list[Packet[Stream]]) -> list[Packet[Stream]]:
    """Decoding times for a stream so short that it comes out whole; x265 makes up random ones for a few frames."""
    shown = sorted(packet.pts or 0 for packet in packets)
    rank = {pts: index for index, pts in enumerate(shown)}
    depth = max((index - rank[packet.pts or 0] for index, packet in enumerate(packets)), default=0)
    for index, packet in enumerate(packets):
        packet.dts = shown[index - depth] if index >= depth else shown[index] + shown[0] - shown[depth]
    return packets
