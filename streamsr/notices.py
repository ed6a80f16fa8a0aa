"""Notices that are said once per run, however often there is reason to."""

from __future__ import annotations

import logging
from functools import cache


@cache
def say_once(log: logging.Logger, message: str) -> None:
    """Warn, unless this very message was given before; `say_once.cache_clear()` forgets which were."""
    log.warning(message)
