"""Text subtitles from one container's codec to another's: the words and simple styles stay, the timing is untouched."""

from __future__ import annotations

from av import Packet
from av.container import OutputContainer
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from .containers import MILLISECOND


class TextConverter:
    """Turns packets of one text stream into packets of another (mov_text, subrip, webvtt)."""

    def __init__(self, out: OutputContainer, source: SubtitleStream, codec: str) -> None:
        self._decoder = source.codec_context
        self._decoder.open(strict=False)
        stream = out.add_stream(codec)
        assert isinstance(stream, SubtitleStream)
        stream.codec_context.subtitle_header = self._decoder.subtitle_header
        stream.codec_context.time_base = MILLISECOND
        stream.metadata.update(source.metadata)
        stream.disposition = source.disposition
        self.stream: Stream = stream
        self._encoder = stream.codec_context

    def convert(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """The same lines in the other codec; nothing for the empty packets with which MP4 fills pauses.

        Raises:
            av.FFmpegError: a packet that is no subtitle.
        """
        lines = self._decoder.decode2(packet)
        if lines is None or not len(lines):
            return []
        result = self._encoder.encode_subtitle(lines)
        result.pts, result.dts, result.duration = packet.pts, packet.pts, packet.duration
        result.time_base = packet.time_base
        return [result]
