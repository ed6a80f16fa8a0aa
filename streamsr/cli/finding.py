"""One line of what `streamsr doctor` reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that works here, or does not."""

    topic: str
    name: str
    ok: bool
    detail: str
    """What there is; where it is missing, what to do about it."""
