"""`create_sink`: from what a user names to a `Sink`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

from ..errors import UnknownNameError
from ..frame import Sink
from ..registry import Registry
from .options import WriteOptions
from .pattern import is_pattern

_FILE = "streamsr.media.sink:FileSink"
_IMAGE = "streamsr.media.image_sink:ImageSink"
_FOLDER = "streamsr.media.image_sink:ImageFolderSink"
_Y4M = "streamsr.media.y4m_sink:Y4mSink"

SINKS = Registry(
    "sink",
    {
        **dict.fromkeys(("mp4", "m4v", "mov", "mkv", "webm"), _FILE),
        **dict.fromkeys(("png", "jpg", "jpeg", "webp", "tif", "tiff"), _IMAGE),
        **dict.fromkeys(("folder", "pattern"), _FOLDER),
        **dict.fromkeys(("y4m", "-"), _Y4M),
    },
)
"""Kinds of sinks: file suffixes, `folder`, `pattern` (`frame_%05d.png`), `-` (stdout), and schemes (`rtmp` for
`rtmp://…`). Each is a callable `(spec, options) -> Sink`. A new kind is one file and one line here, or an entry point
in the group `streamsr.sink`.
"""

_UNNAMED = frozenset({"folder", "pattern", "-"})
"""Kinds that nobody asks for by name."""
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):")


def create_sink(spec: str | Path, options: WriteOptions | None = None) -> Sink:
    """The sink for a video or image file, a folder of images, a pattern such as `frame_%05d.png`, or `-` (stdout).

    Nothing is touched before `Sink.open`.

    Raises:
        UnknownNameError: a format that is not written; the message lists those that are.
    """
    kind = sink_kind(str(spec))
    if kind not in SINKS:
        raise UnknownNameError("output format", kind, set(SINKS) - _UNNAMED)
    return cast("Sink", SINKS.load(kind)(spec, options or WriteOptions()))


def sink_kind(spec: str) -> str:
    """The name in `SINKS` that `spec` stands for; there need be no such sink."""
    scheme = _SCHEME.match(spec)
    path = Path(spec)
    if spec == "-":
        return "-"
    if scheme is not None and scheme[1] in SINKS:
        return scheme[1]
    if is_pattern(path):
        return "pattern"
    if path.is_dir() or spec.endswith(("/", "\\")) or not path.suffix:
        return "folder"
    return path.suffix[1:].lower()
