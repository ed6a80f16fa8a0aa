from __future__ import annotations

import os
import signal

import pytest

from streamsr.bench.process import in_fresh_process
from streamsr.errors import EngineError, UnknownNameError


def own_id() -> int:
    return os.getpid()


def fail(kind: str) -> None:
    if kind == "ours":
        raise UnknownNameError("model", "live-x3", ["live-x2"])
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "quits":
        os._exit(3)
    raise ZeroDivisionError("by zero")


def test_every_call_has_a_process_of_its_own() -> None:
    ids = {in_fresh_process(own_id), in_fresh_process(own_id), os.getpid()}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("ours", "no model named 'live-x3'"),
        ("theirs", "ZeroDivisionError: by zero"),
        ("killed", "killed by SIGKILL: out of memory"),
        ("quits", "exit code 3"),
    ],
)
def test_whatever_goes_wrong_in_there_is_told(kind: str, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        in_fresh_process(fail, kind)
