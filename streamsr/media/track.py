"""One stream beside the video on its way into the output: its timestamps made whole, cut and shifted."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
from av import Packet
from av.container import InputContainer, OutputContainer
from av.format import Flags
from av.stream import Stream

from ..frame import VideoInfo
from .containers import codec_context, is_cover
from .subtitles import TextConverter

_ANY_CLOCK = cast("int", Flags.ts_discont.value)
"""FFmpeg's mark of formats (MPEG-TS, DVD) whose time does not start at zero."""


@dataclass(slots=True)
class Window:
    """The part of the source that is wanted, in seconds of its clock."""

    origin: Fraction = Fraction(0)
    """What becomes zero in the output. It may move until the first packet is written."""
    start: Fraction | None = None
    end: Fraction | None = None


def window_of(info: VideoInfo, beside: InputContainer | None) -> Window:
    """Time zero of the output: that of the wanted part; of the file, where a format's clock may start anywhere."""
    if info.start is not None:
        return Window(info.start, info.start, info.end)
    if beside is not None and beside.format.flags & _ANY_CLOCK and beside.start_time:
        return Window(Fraction(beside.start_time, av.time_base), None, info.end)
    return Window(end=info.end)


class Track:
    """Moves the packets of one stream of the source to one of the output; the payload is not touched."""

    def __init__(self, target: Stream, window: Window, converter: TextConverter | None = None) -> None:
        self._target = target
        self._window = window
        self._converter = converter
        self._cover = is_cover(target)
        self._reordered = codec_context(target).reorder_depth if target.type == "video" else 0
        self._expected: int | None = None
        self._last: int | None = None

    def place(self, packet: Packet[Stream]) -> bool:
        """Give the packet its times in the output; False when it lies outside the window.

        A missing time is the other one, or the end of the packet before; a picture's decoding time, when its stream
        reorders, as much earlier than its time as it can be reordered.
        """
        if self._cover:
            packet.pts = packet.dts = 0
            return True
        dts = self._decoding_time(packet)
        pts = packet.pts if packet.pts is not None else dts
        self._expected = dts + (packet.duration or 0)
        return self._cut(packet, pts, dts)

    def _decoding_time(self, packet: Packet[Stream]) -> int:
        if packet.dts is not None:
            return packet.dts
        if packet.pts is None:
            return self._expected if self._expected is not None else round(self._window.origin / packet.time_base)
        if not self._reordered:
            return packet.pts
        lead = self._reordered * (packet.duration or 0)
        return self._expected if self._expected is not None else packet.pts - lead

    def _cut(self, packet: Packet[Stream], pts: int, dts: int) -> bool:
        tick, window = packet.time_base, self._window
        if window.end is not None and pts * tick >= window.end:
            return False
        if window.start is not None and pts * tick < window.start:
            late = round(window.start / tick) - pts
            if self._target.type != "subtitle" or (packet.duration or 0) <= late:
                return False
            packet.duration = (packet.duration or 0) - late  # a line on screen when the window opens appears with it
            pts, dts = pts + late, dts + late
        shift = round(window.origin / tick)
        packet.pts, packet.dts = pts - shift, dts - shift
        return True

    def mux(self, out: OutputContainer, packet: Packet[Stream]) -> None:
        """Hand a placed packet to the muxer.

        Raises:
            av.FFmpegError: it is broken, or the output cannot be written.
        """
        for ready in [packet] if self._converter is None else self._converter.convert(packet):
            self._order(ready)
            ready.stream = self._target
            out.mux_one(ready)

    def _order(self, packet: Packet[Stream]) -> None:
        """Muxers refuse a packet that is not later than the one before, once rounded to their ticks."""
        tick = self._target.time_base or packet.time_base
        scale = packet.time_base / tick
        dts = round((packet.dts or 0) * scale)
        if self._last is not None and dts <= self._last:
            dts = self._last + 1
            packet.pts, packet.dts = max(dts, round((packet.pts or 0) * scale)), dts
            packet.duration, packet.time_base = round((packet.duration or 0) * scale), tick
        self._last = dts
