"""The streams beside the video, packet by packet: read lazily from the source, written in step with the new video."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from fractions import Fraction
from pathlib import Path

import av
from av import Packet
from av.container import InputContainer, OutputContainer
from av.error import ArgumentError, InvalidDataError
from av.stream import Discard, Stream
from av.subtitles.stream import SubtitleStream

from .carry import Carriage, Carried, open_beside
from .containers import codec_name, copy_stream
from .subtitles import TextConverter
from .track import Track, Window

_SLACK = Fraction(10)
"""Seconds by which packets of different streams may lie apart in a file: some muxers interleave that coarsely."""
_BROKEN_READS_MAX = 100
"""Reads that may fail in a row before the rest of the source is given up."""
_MIME = {"mjpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "bmp": "image/bmp", "tiff": "image/tiff"}
_EXTENSION = {"mjpeg": "jpg"}


class Remuxer:
    """Copies streams of one file into `out`.

    A packet is read when the video has come to its time and not before, so memory does not grow with the length of the
    film, however its streams are interleaved. The order of calls: construct (which adds the streams to `out`), write
    the header, `copy_until` as the video advances, `copy_rest` unless it was cut short. Not thread-safe.
    """

    def __init__(
        self,
        out: OutputContainer,
        source: InputContainer,
        plan: Sequence[Carried],
        text_codec: str | None,
        window: Window,
    ) -> None:
        self.packets = 0
        """Packets copied."""
        self.skipped = 0
        """Packets left out because they could not be read or written."""
        self._out = out
        self._source = source
        self._window = window
        self._tracks: dict[int, Track] = {}
        for carried in plan:
            self._add(carried, text_codec)
        self._waiting: Packet[Stream] | None = None
        self._packets = self._read()

    def _add(self, carried: Carried, text_codec: str | None) -> None:
        stream = self._source.streams[carried.index]
        if carried.how is Carriage.ATTACH:
            _attach(self._out, stream)
        elif carried.how is Carriage.TEXT and text_codec and isinstance(stream, SubtitleStream):
            converter = TextConverter(self._out, stream, text_codec)
            self._tracks[stream.index] = Track(converter.stream, self._window, converter)
        else:
            self._tracks[stream.index] = Track(copy_stream(self._out, stream), self._window)

    def copy_until(self, time: Fraction) -> None:
        """Copy every packet that comes before second `time` of the output.

        Raises:
            av.FFmpegError: the output cannot be written.
        """
        while (packet := self._next()) is not None:
            if (packet.dts or 0) * packet.time_base >= time:
                self._waiting = packet
                return
            self._write(packet)

    def copy_rest(self) -> None:
        """Copy to the end of the source, or of the window.

        Raises:
            av.FFmpegError: the output cannot be written.
        """
        while (packet := self._next()) is not None:
            self._write(packet)

    def _next(self) -> Packet[Stream] | None:
        packet, self._waiting = self._waiting, None
        return packet if packet is not None else next(self._packets, None)

    def _write(self, packet: Packet[Stream]) -> None:
        try:
            self._tracks[packet.stream.index].mux(self._out, packet)
        except (InvalidDataError, ArgumentError):
            self.skipped += 1
        else:
            self.packets += 1

    def _read(self) -> Generator[Packet[Stream]]:
        """The packets of the window, placed on the output's clock."""
        end = None if self._window.end is None else self._window.end + _SLACK
        for packet in self._demux():
            if end is not None and packet.dts is not None and packet.dts * packet.time_base > end:
                return
            if packet.is_corrupt:
                self.skipped += 1
            elif not _is_filler(packet) and self._tracks[packet.stream.index].place(packet):
                yield packet

    def _demux(self) -> Generator[Packet[Stream]]:
        """Every packet of the copied streams, from the start of the window; what cannot be read is counted."""
        if not self._tracks:
            return
        for stream in self._source.streams:
            if stream.index not in self._tracks:
                stream.discard = Discard.all
        streams = [self._source.streams[index] for index in self._tracks]
        _seek(self._source, self._window)
        failures = 0
        while failures < _BROKEN_READS_MAX:
            try:
                for packet in self._source.demux(streams):
                    failures = 0
                    yield packet
            except av.FFmpegError:
                failures += 1
                self.skipped += 1
            else:
                return


def _seek(source: InputContainer, window: Window) -> None:
    """Go near the start of the window; a file that cannot seek is read from its beginning."""
    if window.start is not None and window.start > _SLACK:
        with contextlib.suppress(av.FFmpegError):
            source.seek(int((window.start - _SLACK) * av.time_base))


def _is_filler(packet: Packet[Stream]) -> bool:
    """Whether a packet holds nothing: the end of the stream, or a pause of MP4 subtitles (the muxer makes its own)."""
    return not packet.size or (packet.size == 2 and codec_name(packet.stream) == "mov_text")


def _attach(out: OutputContainer, cover: Stream) -> None:
    """Add a cover picture as a file attached to `out` (Matroska's way)."""
    with open_beside(Path(cover.container.name)) as source:
        picture = next((packet for packet in source.demux(source.streams[cover.index]) if packet.size), None)
    if picture is None:
        return
    codec = codec_name(cover)
    name = cover.metadata.get("filename", f"cover.{_EXTENSION.get(codec, codec)}")
    out.add_attachment(name, _MIME.get(codec, f"image/{codec}"), bytes(picture))
