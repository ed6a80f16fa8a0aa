"""One amendment to a finished Matroska file: the size at which its video is shown.

FFmpeg's muxer writes it from a field that PyAV does not reach. H.264, H.265 and FFV1 tell their players the sample
aspect ratio themselves; AV1 and VP9 leave it to the container.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SEGMENT, _SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = 0x18538067, 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
_VOID, _INFO, _TRACKS, _TRACK_ENTRY, _VIDEO, _CLUSTER = 0xEC, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0, 0x1F43B675
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
_DISPLAY = {_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT}
_CRC_32 = b"\xbf\x84"
_HEADER_MAX = 1 << 24


@dataclass(frozen=True, slots=True)
class _Element:
    """Where an element (RFC 8794) begins, where its content begins, and where it ends."""

    name: int
    start: int
    content: int
    end: int


def set_display_size(path: Path, width: int, height: int) -> bool:
    """Tell players to show the first video track of `path` at `width` x `height` (RFC 9559, 5.1.4.1.28.12).

    The bytes needed are taken from the empty space that FFmpeg leaves before the track list, so nothing behind it
    moves. False, and the file unchanged, when there is no such space.
    """
    with path.open("r+b") as file:
        data = file.read(_HEADER_MAX)
        segment = next(element for element in _elements(data, 0, len(data)) if element.name == _SEGMENT)
        parts = {element.name: element for element in _head(data, segment)}
        if not {_SEEK_HEAD, _VOID, _INFO, _TRACKS} <= parts.keys():
            return False
        void, info, tracks = parts[_VOID], parts[_INFO], parts[_TRACKS]
        size = _pack(_DISPLAY_WIDTH, _number(width)) + _pack(_DISPLAY_HEIGHT, _number(height))
        amended = _pack(_TRACKS, _amend_tracks(data, tracks, size))
        growth = len(amended) - (tracks.end - tracks.start)
        room = void.end - void.content - growth
        if (void.end, info.end) != (info.start, tracks.start) or room < 0:
            return False
        file.seek(parts[_SEEK_HEAD].content)
        file.write(_amend_seek_head(data, parts[_SEEK_HEAD], growth))
        file.seek(void.start)
        file.write(_pack(_VOID, bytes(room), void.content - void.start - 1) + data[info.start : info.end] + amended)
    return True


def _head(data: bytes, segment: _Element) -> Iterator[_Element]:
    """What stands in the segment before the first cluster."""
    for element in _elements(data, segment.content, len(data)):
        if element.name == _CLUSTER:
            return
        yield element


def _amend_tracks(data: bytes, tracks: _Element, size: bytes) -> bytes:
    """The content of the track list, with `size` in the first video track."""
    entries = []
    for entry in _elements(data, tracks.content, tracks.end):
        parts = _elements(data, entry.content, entry.end) if entry.name == _TRACK_ENTRY else ()
        video = next((part for part in parts if part.name == _VIDEO), None)
        if video is None or not size:
            entries.append(data[entry.start : entry.end])
            continue
        kept = (part for part in _elements(data, video.content, video.end) if part.name not in _DISPLAY)
        grown = _pack(_VIDEO, b"".join(data[part.start : part.end] for part in kept) + size)
        entries.append(_pack(_TRACK_ENTRY, data[entry.content : video.start] + grown + data[video.end : entry.end]))
        size = b""
    return _sealed(b"".join(entries))


def _amend_seek_head(data: bytes, head: _Element, growth: int) -> bytes:
    """The content of the index: the info and track elements now begin `growth` bytes earlier."""
    content = bytearray(data[head.content : head.end])
    for seek in _elements(data, head.content, head.end):
        fields = {field.name: field for field in _elements(data, seek.content, seek.end)} if seek.name == _SEEK else {}
        if not {_SEEK_ID, _SEEK_POSITION} <= fields.keys():
            continue
        target, position = fields[_SEEK_ID], fields[_SEEK_POSITION]
        if int.from_bytes(data[target.content : target.end]) in (_INFO, _TRACKS):
            moved = int.from_bytes(data[position.content : position.end]) - growth
            content[position.content - head.content : position.end - head.content] = moved.to_bytes(
                position.end - position.content
            )
    return _sealed(bytes(content))


def _sealed(content: bytes) -> bytes:
    """The content of an element with its check sum, if it begins with one, made right again (RFC 8794, 11.3.1)."""
    if not content.startswith(_CRC_32):
        return content
    rest = content[len(_CRC_32) + 4 :]
    return _CRC_32 + zlib.crc32(rest).to_bytes(4, "little") + rest


def _elements(data: bytes, start: int, end: int) -> Iterator[_Element]:
    while start < end:
        name_length = 9 - data[start].bit_length()
        name = int.from_bytes(data[start : start + name_length])
        at = start + name_length
        length = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + length]) & ((1 << 7 * length) - 1)
        content = at + length
        yield _Element(name, start, content, content + size)
        start = content + size


def _pack(name: int, content: bytes, width: int = 0) -> bytes:
    """An element; its size takes `width` bytes, by default as few as it can (all ones would mean unknown)."""
    width = width or next(n for n in range(1, 9) if len(content) < (1 << 7 * n) - 1)
    size = len(content) | 1 << 7 * width
    return name.to_bytes((name.bit_length() + 7) // 8) + size.to_bytes(width) + content


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8)
