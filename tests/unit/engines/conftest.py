"""Every engine test has a cache of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsr.engines.cache import CACHE_ENV, cache_directory


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder the entries lie in, empty."""
    monkeypatch.setenv(CACHE_ENV, str(tmp_path / "cache"))
    return cache_directory()
