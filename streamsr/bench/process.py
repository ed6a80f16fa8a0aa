"""A fresh process for each measurement: its memory is its own, and if it dies, it dies alone."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from ..errors import EngineError, StreamsrError

T = TypeVar("T")

_PRELOADED = ["__main__", "streamsr.bench.preload"]
"""Imported once, where systems fork, instead of once a process."""


def in_fresh_process(function: Callable[..., T], *arguments: object) -> T:
    """Call a function of a module, whose arguments and result can be pickled, in a process of its own.

    The process does not hear Ctrl-C; it ends when its caller is interrupted.

    Raises:
        EngineError: the function failed, in its words; or the process died: killed, out of memory, a fault in native
            code.
    """
    context = _context()
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(sender, function, arguments), daemon=True)
    process.start()
    sender.close()
    try:
        result, failure = receiver.recv()
    except EOFError:
        process.join()
        raise EngineError(f"the process that measured it died, {_how(process.exitcode)}") from None
    finally:
        receiver.close()
        process.kill()
        process.join()
        process.close()
    if failure is not None:
        raise EngineError(failure)
    found: T = result
    return found


def _context() -> Any:
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def _serve(sender: Connection, function: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        sender.send((function(*arguments), None))
    except StreamsrError as error:
        sender.send((None, str(error)))
    except Exception as error:  # a runtime's own: whatever it is, it is one row of many that failed
        sender.send((None, f"{type(error).__name__}: {error}"))


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    return f"killed by {signal.Signals(-code).name}" + (": out of memory?" if -code == signal.SIGKILL else "")
