"""What a run tells: a line on stderr, a JSON line per event in a file, TensorBoard's curves and pictures."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any, TextIO

from torch import Tensor


class RunLog:
    """Writes `log.jsonl` (appended) and, where it is installed, TensorBoard files into `out`; shows progress and ETA.

    On a terminal the line is renewed in place; into a pipe or file each one is a line of its own. Without `out` it does
    nothing at all: the log of a process whose neighbour tells.
    """

    def __init__(self, out: Path | None, total: int, done: int = 0, stream: TextIO | None = None) -> None:
        self._file = (out / "log.jsonl" if out else Path(os.devnull)).open("a", encoding="utf-8")
        self._board = _board(out / "tensorboard", done) if out else None
        self._total, self._first = total, done
        self._stream = (stream or sys.stderr) if out else self._file
        self._live = self._stream.isatty()
        self._started = time.monotonic()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()
        if self._live:
            self._stream.write("\n")

    def write(self, step: int, **values: float) -> None:
        """Record `values` at `step` and show them."""
        seconds = time.monotonic() - self._started
        record = {"step": step, "seconds": round(seconds, 1), **values}
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()
        if self._board is not None:
            for key, value in values.items():
                self._board.add_scalar(key, value, step)
        self._show(step, seconds / max(step - self._first, 1) * (self._total - step), values)

    def say(self, step: int, message: str) -> None:
        """Record and show something that happened, on a line of its own."""
        self._file.write(json.dumps({"step": step, "message": message}) + "\n")
        self._file.flush()
        self._stream.write(f"{self._fresh_line}{step}/{self._total}  {message}\n")
        self._stream.flush()

    def pictures(self, step: int, **images: Tensor) -> None:
        """Keep `(N, C, H, W)` images in [0, 1] for TensorBoard, a row for each name."""
        if self._board is not None:
            for name, batch in images.items():
                self._board.add_images(name, batch.detach().float().clamp(0, 1).cpu(), step)

    @property
    def _fresh_line(self) -> str:
        return "\r\x1b[K" if self._live else ""

    def _show(self, step: int, left: float, values: dict[str, float]) -> None:
        shown = "  ".join(f"{key} {value:.5g}" for key, value in values.items())
        end = "" if self._live else "\n"
        self._stream.write(f"{self._fresh_line}{step}/{self._total}  {shown}  ETA {_clock(left)}{end}")
        self._stream.flush()


def _board(folder: Path, done: int) -> Any:
    """TensorBoard's writer, or None where it is not installed; what lies after `done` was lost and is hidden."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of its own dependencies
            from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=done + 1)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
