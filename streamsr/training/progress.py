"""What a run tells: a line on stderr, a JSON line per event in a file."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, TextIO


class RunLog:
    """Writes `path` (JSON lines, appended) and progress lines with an ETA."""

    def __init__(self, path: Path, total: int, done: int = 0, stream: TextIO | None = None) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._total, self._first = total, done
        self._stream = stream or sys.stderr
        self._started = time.monotonic()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, step: int, **values: Any) -> None:
        """Record `values` (plain JSON) at `step` and show them."""
        seconds = time.monotonic() - self._started
        record = {"step": step, "seconds": round(seconds, 1), **values}
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()
        left = seconds / max(step - self._first, 1) * (self._total - step)
        shown = "  ".join(f"{key} {value:.5g}" for key, value in values.items())
        self._stream.write(f"{step}/{self._total}  {shown}  ETA {_clock(left)}\n")
        self._stream.flush()


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
