"""Video on standard input: y4m, or any other container that can be read front to back."""

from __future__ import annotations

import sys

from ..errors import OpenError
from .demux import STDIN
from .read_options import ReadOptions
from .source import FileSource


def open_pipe(spec: str, options: ReadOptions) -> FileSource | None:
    """`-` is standard input.

    Raises:
        OpenError: it is a terminal.
    """
    if spec != "-":
        return None
    if sys.stdin is not None and sys.stdin.isatty():
        raise OpenError("nothing is piped into standard input; try: ffmpeg -i in.mp4 -f yuv4mpegpipe - | streamsr …")
    return FileSource(STDIN, options)
