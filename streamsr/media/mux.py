"""One output file being written: the new video, and in step with it everything else of the source."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av import Packet
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from ..errors import EncodeError
from ..frame import Frame, VideoInfo
from .carry import open_beside, plan_streams
from .containers import Container, is_cover
from .display import normalized_matrix
from .ebml import set_display_size
from .encoder import VideoEncoder
from .options import WriteOptions
from .output import PendingFile
from .plan import VideoPlan
from .remux import Remuxer
from .retime import Retimer
from .tags import copied_metadata, copy_chapters, nameless_keys, spell_language
from .track import window_of

_log = logging.getLogger(__name__)

_SELF_SHAPED = {"libx264", "libx264rgb", "libx265", "ffv1", "mpeg4", "mpeg2video"}
"""Encoders that write the sample aspect ratio into the stream itself."""
_INTERLEAVE_MICROSECONDS = 2_000_000
"""How long the muxer holds packets back for a stream that is silent. It need not be long: packets come in order."""

_VIDEO = 0
"""The number of the video among the streams, as the first that is added."""
_TIMESCALE_MIN, _TIMESCALE_MAX = 90_000, 10_000_000


class Muxer:
    """Writes `file` frame by frame. Construct it to write the header, then `write`, then `finish` or `drop`.

    Of an encoder that takes frames on a device, the header is written with the first of them, which opens it.
    """

    def __init__(
        self, file: PendingFile, container: Container, info: VideoInfo, plan: VideoPlan, options: WriteOptions
    ) -> None:
        self.remuxer: Remuxer | None = None
        self._file = file
        self._options = options
        self._setup = plan.setup
        self._sums_up = container.tick is None
        self._first: Fraction | None = None
        self._beside = open_beside(info.container) if info.container is not None else None
        self._window = window_of(info, self._beside)
        self._out: OutputContainer = av.open(
            str(file.path),
            "w",
            format=container.muxer,
            container_options=_container_options(container, self._beside, plan.setup.time_base),
            metadata_errors="surrogateescape",
        )
        try:
            self._begin(info, plan, container)
        except BaseException:
            self._abandon()
            raise

    def _begin(self, info: VideoInfo, plan: VideoPlan, container: Container) -> None:
        """Declare all streams, open the encoder, write the header."""
        video = self._add_video(info, plan, container)
        self._clock = Retimer(info.time_base, plan.setup.time_base, self._window.origin)
        self._encoder = VideoEncoder(video.codec_context, plan.setup, self._clock)
        if self._beside is not None:
            self._add_others(video, self._beside, info, container)
        if plan.setup.device is None:
            self._start()

    def _start(self) -> None:
        """Write the header, unless it is written."""
        with _writing(self._file.target):
            self._out.start_encoding()

    @property
    def frames(self) -> int:
        """Frames written."""
        return self._encoder.frames

    def write(self, frame: Frame) -> None:
        """Encode a frame, and write what is ready."""
        if not self._encoder.frames and frame.time < self._window.origin:
            self._window.origin = self._clock.origin = frame.time  # MP4 players leave out what comes before zero
        packets = self._encoder.encode(frame)
        self._start()
        self._mux(packets)

    def finish(self, *, truncate: bool) -> None:
        """Write what is left and complete the file; `truncate` leaves out what comes after the last frame."""
        self._mux(self._without_gap(self._encoder.flush()))
        with _writing(self._file.target):
            if self.remuxer is not None and truncate:
                self.remuxer.copy_until(self._encoder.end)
            elif self.remuxer is not None:
                self.remuxer.copy_rest()
            self._out.close()
            self._set_shape()
        self._release()
        self._encoder.close()

    def _set_shape(self) -> None:
        """Store the sample aspect ratio that neither the codec nor PyAV's Matroska muxer does."""
        setup = self._setup
        if self._sums_up or setup.sar == 1 or setup.codec in _SELF_SHAPED:
            return
        if not set_display_size(self._file.path, round(setup.width * setup.sar), setup.height):
            _log.warning("the sample aspect ratio %s is lost: %s does not store it", setup.sar, setup.codec)

    def _without_gap(self, packets: Iterable[Packet[Stream]]) -> Iterator[Packet[Stream]]:
        """MP4 takes the time between decoding for the length of a track: make it that between showing."""
        last: Packet[Stream] | None = None
        for packet in packets:
            if last is not None:
                yield last
            last = packet
        if last is None:
            return
        if self._sums_up:
            first = self._first if self._first is not None else _decoded_at(last)
            lasting = self._encoder.end - self._encoder.start - (_decoded_at(last) - first)
            last.duration = max(1, round(lasting / last.time_base))
        yield last

    def drop(self) -> None:
        """Stop writing; what is there is not a complete file. The encoder goes, whoever still keeps the error."""
        self._encoder.close()
        self._abandon()

    def _abandon(self) -> None:
        with contextlib.suppress(OSError, ValueError, av.FFmpegError):
            self._out.close()
        self._release()

    def _release(self) -> None:
        if self._beside is not None:
            self._beside.close()

    def _mux(self, packets: Iterable[Packet[Stream]]) -> None:
        with _writing(self._file.target):
            for packet in packets:
                time = _decoded_at(packet)
                self._first = time if self._first is None else self._first
                if self.remuxer is not None:
                    self.remuxer.copy_until(time)
                packet.stream = self._out.streams[_VIDEO]
                self._out.mux_one(packet)

    def _add_video(self, info: VideoInfo, plan: VideoPlan, container: Container) -> VideoStream:
        stream = self._out.add_stream(plan.setup.codec, rate=plan.setup.rate)
        assert isinstance(stream, VideoStream)
        stream.time_base = plan.setup.time_base
        stream.set_display_matrix(normalized_matrix(info.display_matrix))
        if container.tick is None and stream.codec_context.codec.canonical_name == "hevc":
            stream.codec_context.codec_tag = "hvc1"  # Apple's players take no other
        return stream

    def _add_others(self, video: VideoStream, beside: InputContainer, info: VideoInfo, container: Container) -> None:
        """Declare everything that is copied: streams, chapters, metadata."""
        self._out.metadata.update(copied_metadata(beside.metadata))
        copy_chapters(beside, self._out, self._window)
        if info.video_stream is not None:
            source = beside.streams[info.video_stream]
            video.metadata.update(copied_metadata(source.metadata))
            video.disposition = source.disposition
        carried = plan_streams(beside, info.video_stream, container, self._options.skip_streams)
        self.remuxer = Remuxer(self._out, beside, carried, container.text, self._window)
        for stream in self._out.streams:
            spell_language(stream, container)


def _decoded_at(packet: Packet[Stream]) -> Fraction:
    return (packet.dts if packet.dts is not None else packet.pts or 0) * packet.time_base


def _container_options(container: Container, beside: InputContainer | None, time_base: Fraction) -> dict[str, str]:
    options = {"max_interleave_delta": str(_INTERLEAVE_MICROSECONDS)}
    if container.tick is not None:
        return options
    ticks = time_base.denominator
    if ticks < _TIMESCALE_MAX:  # when a track starts, and how long it lasts, is stored in ticks of the whole film
        options["movie_timescale"] = str(ticks * max(1, -(-_TIMESCALE_MIN // ticks)))
    free = nameless_keys(beside.metadata) if beside is not None else []
    if free and beside is not None and any(is_cover(stream) for stream in beside.streams):
        _log.warning("mp4 cannot hold these beside cover art, so they are left out: %s", ", ".join(free))
    elif free:
        options["movflags"] = "use_metadata_tags"
    return options


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say what it means when the muxer fails: a full disk, most often.

    Raises:
        EncodeError: instead of FFmpeg's own.
    """
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise EncodeError(f"cannot write {path}: {reason}") from error
