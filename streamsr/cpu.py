"""CPU time by pipeline stage, codec and engine threads included.

A codec's own threads do not show in the time of the Python thread that feeds them. On Linux a new thread inherits
the name of the one that created it, so a stage that names its thread names its workers too, and /proc adds them up.
Elsewhere only the Python threads are counted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Stage = Literal["decode", "infer", "encode"]

_PREFIX = "sr-"
_TASKS = Path("/proc/self/task")
_LINUX = _TASKS.is_dir()
_TICK = os.sysconf("SC_CLK_TCK") if _LINUX else 1


@contextmanager
def thread_stage(stage: Stage) -> Iterator[None]:
    """Count this thread, and the threads it starts meanwhile, as `stage`."""
    if not _LINUX:
        yield
        return
    name = Path("/proc/thread-self/comm")
    before = name.read_text()
    name.write_text(_PREFIX + stage)
    try:
        yield
    finally:
        name.write_text(before)


class CpuMeter:
    """CPU seconds by stage since it was made.

    `sample` where a thread changes its stage, and often enough that no thread ends unseen: what a thread has spent
    since the last look counts as the stage it is in now.
    """

    def __init__(self) -> None:
        self._process_start = time.process_time()
        self._spent = {thread: seconds for thread, _, seconds in _threads()}
        self._totals: dict[str, float] = {}

    def sample(self) -> None:
        """Look at every thread alive now."""
        for thread, stage, seconds in _threads():
            since = seconds - self._spent.get(thread, 0.0)
            self._spent[thread] = seconds
            if stage is not None:
                self._totals[stage] = self._totals.get(stage, 0.0) + since

    def seconds(self) -> dict[str, float]:
        """CPU seconds by stage; `process` is everything, named or not."""
        self.sample()
        return {**self._totals, "process": time.process_time() - self._process_start}


def _threads() -> Iterator[tuple[str, str | None, float]]:
    """Id, stage and CPU seconds of every thread."""
    for task in _TASKS.iterdir() if _LINUX else ():
        try:
            comm, _, fields = (task / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:  # it ended between the listing and the reading
            continue
        user, system = fields.split()[11:13]
        yield task.name, _stage_of(comm), (int(user) + int(system)) / _TICK


def _stage_of(comm: str) -> str | None:
    if comm.startswith(_PREFIX):
        return comm.removeprefix(_PREFIX)
    if comm.startswith("av:") and ":df" in comm:  # FFmpeg names its frame-decoding threads itself
        return "decode"
    return None
