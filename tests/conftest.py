"""Shared fixtures. Skips live here and nowhere else; `STREAMSR_NO_SKIP=1` turns them into failures."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("STREAMSR_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = {
        "shared": not SHARED.is_dir(),
        "torch": importlib.util.find_spec("torch") is None,
    }
    for item in items:
        for marker, absent in missing.items():
            if absent and item.get_closest_marker(marker) and not os.environ.get("STREAMSR_NO_SKIP"):
                item.add_marker(pytest.mark.skip(reason=f"{marker} is not available here"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The developers' data folder (images, clips); tests that use it carry the `shared` marker."""
    return SHARED
