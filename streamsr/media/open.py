"""`open_source`: from what a user names to a `Source`."""

from __future__ import annotations

from pathlib import Path

from ..errors import OpenError
from ..frame import Source
from ..registry import Registry
from .read_options import ReadOptions

SOURCES = Registry(
    "source",
    {
        "pipe": "streamsr.media.pipe:open_pipe",
        "pattern": "streamsr.media.images:open_pattern",
        "folder": "streamsr.media.images:open_folder",
        "file": "streamsr.media.source:open_file",
    },
)
"""Kinds of sources. Each is a function `(spec, options) -> Source | None`: None when `spec` is not of its kind.

A new kind is one file and one line here, or an entry point in the group `streamsr.source`. `file` is asked last.
"""


def open_source(spec: str | Path, options: ReadOptions | None = None) -> Source:
    """Open a video or image file, a URL, a folder of images, a pattern such as `frame_%05d.png`, or `-` (stdin).

    Raises:
        OpenError: it cannot be opened (also an `OSError`).
        UnsupportedFormatError: there is no video in it, or none that can be decoded here.
        DecodeError: not one frame can be decoded.
    """
    for kind in sorted(SOURCES, key=lambda name: name == "file"):
        source: Source | None = SOURCES.load(kind)(str(spec), options or ReadOptions())
        if source is not None:
            return source
    raise OpenError(f"{spec} is no kind of source that is known ({', '.join(SOURCES)})")
