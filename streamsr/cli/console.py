"""Standard error: notes said once, and the progress of a run."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..pipeline import Progress

PLAIN_SECONDS = 5.0
_REFRESH_SECONDS = 0.1


class _Notes(logging.Handler):
    """Each message of the library once, as a line of its own on standard error."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message not in self._said:
            self._said.add(message)
            clear = "\r\x1b[K" if sys.stderr.isatty() else ""
            sys.stderr.write(f"{clear}note: {message}\n")


def show_notes() -> None:
    """Print what the library has to say (a fallback, a dropped alpha channel) to standard error."""
    logger = logging.getLogger("streamsr")
    if not any(isinstance(handler, _Notes) for handler in logger.handlers):
        logger.addHandler(_Notes())
        logger.propagate = False


@contextmanager
def progress_line(label: str, quiet: bool = False) -> Iterator[Callable[[Progress], None] | None]:
    """A callback that shows a run's progress: one live line on a terminal, a plain line now and then elsewhere."""
    if quiet:
        yield None
        return
    live = sys.stderr.isatty()
    shown = 0.0 if live else time.monotonic()
    last: Progress | None = None

    def show(progress: Progress) -> None:
        nonlocal shown, last
        last = progress
        now = time.monotonic()
        if now - shown >= (_REFRESH_SECONDS if live else PLAIN_SECONDS):
            shown = now
            _write(label, progress, live)

    try:
        yield show
    finally:
        if last is not None:
            _write(label, last, live)
            if live:
                sys.stderr.write("\n")


def _write(label: str, progress: Progress, live: bool) -> None:
    line = describe(label, progress)
    sys.stderr.write(f"\r\x1b[K{line}" if live else f"{line}\n")
    sys.stderr.flush()


def describe(label: str, progress: Progress) -> str:
    """`clip.mp4: frame 120/900 (13 %), 48.2 fps, 1.93x, ETA 0:00:16`."""
    fps = progress.frames / progress.seconds if progress.seconds > 0 else 0.0
    parts = [f"{label}: frame {progress.frames}" if label else f"frame {progress.frames}"]
    total = progress.total
    if total and total >= progress.frames:
        parts[0] += f"/{total} ({100 * progress.frames // total} %)"
    parts.append(f"{fps:.1f} fps")
    if progress.media_seconds > 0 and progress.seconds > 0:
        parts.append(f"{float(progress.media_seconds) / progress.seconds:.2f}x")
    if total and total > progress.frames and fps > 0:
        parts.append(f"ETA {timedelta(seconds=round((total - progress.frames) / fps))}")
    return ", ".join(parts)
