"""Every engine test has a cache of its own, and hears what is otherwise said once."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsr.engines.cache import CACHE_ENV, cache_directory
from streamsr.notices import say_once

from . import graphs
from .machine import right_pictures


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder the entries lie in, empty."""
    monkeypatch.setenv(CACHE_ENV, str(tmp_path / "cache"))
    return cache_directory()


@pytest.fixture(autouse=True)
def _notices_again() -> None:
    say_once.cache_clear()


@pytest.fixture(scope="session")
def wanted() -> list[graphs.Tensors]:
    """What `machine.PICTURES` become by ONNX Runtime."""
    return right_pictures()
