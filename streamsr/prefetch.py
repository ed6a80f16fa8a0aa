"""The one threading primitive: run an iterator in a thread of its own, a bounded number of items ahead."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.05


def prefetch(upstream: Iterable[T], depth: int = 4, name: str = "prefetch") -> Generator[T]:
    """Iterate `upstream` in a thread, at most `depth` items ahead of the caller.

    Closing the returned generator (or exhausting it) stops the thread, closes `upstream` from within it, and joins
    it, so a stage that fails anywhere ends the others: use it in `contextlib.closing`. An exception raised by
    `upstream` is raised here, the very same object, after the items that came before it.
    """
    worker = _Worker(upstream, depth)
    thread = threading.Thread(target=worker.run, name=name, daemon=True)
    thread.start()
    try:
        while (boxed := worker.handoff.get()) is not None:
            yield boxed[0]
    finally:
        worker.stop.set()
        thread.join()
    if worker.failure is not None:
        raise worker.failure


class _Worker(Generic[T]):
    """The thread's side: items go out boxed, so that None can mark the end."""

    def __init__(self, upstream: Iterable[T], depth: int) -> None:
        self.handoff: queue.Queue[tuple[T] | None] = queue.Queue(depth)
        self.stop = threading.Event()
        self.failure: BaseException | None = None
        self._upstream = upstream

    def run(self) -> None:
        try:
            self._forward()
        except BaseException as error:  # carried to the caller, whatever it is
            self.failure = error
        finally:
            self._put(None)

    def _forward(self) -> None:
        try:
            for item in self._upstream:
                if not self._put((item,)):
                    break
        finally:
            close = getattr(self._upstream, "close", None)
            if close is not None:
                close()

    def _put(self, boxed: tuple[T] | None) -> bool:
        """Hand over, or give up once the caller has gone: a plain `put` would wait for ever on a full queue."""
        while not self.stop.is_set():
            try:
                self.handoff.put(boxed, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False
