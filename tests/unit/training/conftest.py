"""What the tests of style share; built once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .styles import Studio


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """Photographs, artworks and a backbone with random weights."""
    from .styles import Studio

    return Studio.build(tmp_path_factory.mktemp("studio"))
