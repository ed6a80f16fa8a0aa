"""What `streamsr info` prints: the plain values of a `Probe` as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from ..color import UNKNOWN

Report = dict[str, Any]


def stream_line(stream: Report) -> str:
    """`stream 0: video h264 Main, 1280x720, yuv420p, 25 fps, bt709 tv, und, default`."""
    codec = " ".join(filter(None, (stream["type"], stream["codec"], stream.get("profile"))))
    detail = {"video": _video, "audio": _audio, "attachment": _attachment}.get(stream["type"], _nothing)
    title = stream["metadata"].get("title")
    parts = [codec, *detail(stream), *_language(stream), *stream["dispositions"], f'"{title}"' if title else ""]
    return f"stream {stream['index']}: {_joined(parts)}"


def chapter_line(chapter: Report) -> str:
    """`chapter 0.000 to 61.500 s: Opening`."""
    span = f"chapter {chapter['start']:.3f} to {chapter['end']:.3f} s"
    return f"{span}: {chapter['title']}" if chapter["title"] else span


def metadata_lines(metadata: Mapping[str, str]) -> list[str]:
    """A heading, and every entry indented below it; nothing when there is none."""
    return ["metadata:", *(f"  {key}: {value}" for key, value in metadata.items())] if metadata else []


def reading_line(video: Report) -> str:
    """What streamsr makes of it: `streamsr reads: stream 0, 1280x720, yuv420p, bt709 tv left`, or why it cannot."""
    if "error" in video:
        return f"streamsr cannot read it: {video['error']}"
    stream = None if video.get("stream") is None else f"stream {video['stream']}"
    images = f"{video['images']} images" if "images" in video else None
    shape = [video["size"], video["layout"], _color(video["color"]), _ratio(video["sar"]), _turn(video["rotation"])]
    light = "HDR10" if video["mastering"] or video["content_light"] else None
    flags = [flag for flag in ("still", "interlaced") if video.get(flag)]
    return f"streamsr reads: {_joined([stream, images, *shape, light, *flags])}"


def _video(stream: Report) -> list[str | None]:
    if not stream.get("width"):
        return []
    size = f"{stream['width']}x{stream['height']}"
    rate = f"{float(Fraction(stream['fps'])):.6g} fps" if stream["fps"] else None
    return [size, stream["pix_fmt"], rate, _color(stream["color"]), _ratio(stream["sar"])]


def _audio(stream: Report) -> list[str | None]:
    return [f"{stream['sample_rate']} Hz", stream["layout"]] if stream.get("sample_rate") else []


def _attachment(stream: Report) -> list[str | None]:
    return [stream["name"], stream["mimetype"], f"{stream['size']} bytes"]


def _nothing(_stream: Report) -> list[str | None]:
    return []


def _language(stream: Report) -> list[str]:
    return [stream["language"] or "und"] if stream["type"] in ("video", "audio", "subtitle") else []


def _color(color: Report) -> str:
    """The tags that are there, each name once: `bt709 tv`, `bt2020nc bt2020 smpte2084 tv left`."""
    names = (color[field] for field in ("matrix", "primaries", "transfer", "range", "siting"))
    return " ".join(dict.fromkeys(name for name in names if name != UNKNOWN))


def _ratio(sar: str | None) -> str | None:
    return f"sar {sar}" if sar not in (None, "1", "1/1") else None


def _turn(degrees: float | None) -> str | None:
    return f"rotated by {degrees:g} degrees" if degrees else None


def _joined(parts: Iterable[str | None]) -> str:
    return ", ".join(part for part in parts if part)
