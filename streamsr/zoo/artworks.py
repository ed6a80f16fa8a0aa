"""What the bundled styles were learned from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from .catalog import HOME


@dataclass(frozen=True, slots=True)
class Artwork:
    """One artwork; the name of its style is the key of `artworks`."""

    title: str
    artist: str
    year: str
    """As it is known: `1889`, `c. 1831`."""
    licence: str

    def __str__(self) -> str:
        return f"{self.artist}, {self.title} ({self.year})"


@cache
def artworks() -> Mapping[str, Artwork]:
    """Style -> artwork; a stylizer of the user's may have styles that are not among them."""
    tables = tomllib.loads((HOME / "artworks.toml").read_text("utf-8"))
    return {style: Artwork(**table) for style, table in tables.items()}
