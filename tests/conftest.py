"""Shared fixtures. Skips live here and nowhere else; `STREAMSR_NO_SKIP=1` turns them into failures."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("STREAMSR_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = {
        "shared": not SHARED.is_dir(),
        "tensorrt_rtx": not any(map(importlib.util.find_spec, ("tensorrt_rtx", "tensorrt_rtx_bindings"))),
        "torch": importlib.util.find_spec("torch") is None,
    }
    for item in items:
        for marker, absent in missing.items():
            if absent and item.get_closest_marker(marker) and not os.environ.get("STREAMSR_NO_SKIP"):
                item.add_marker(pytest.mark.skip(reason=f"{marker} is not available here"))


@pytest.fixture(scope="session", autouse=True)
def engine_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tests' own cache of compiled engines, for the commands they start too."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["STREAMSR_CACHE_DIR"] = str(folder)
    yield folder
    del os.environ["STREAMSR_CACHE_DIR"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The developers' data folder (images, clips); tests that use it carry the `shared` marker."""
    return SHARED
