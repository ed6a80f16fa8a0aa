"""Names to things: `name -> "module:attribute"`, imported on first use, open to plug-ins through entry points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from .errors import UnknownNameError


class Registry:
    """A table of lazily imported things of one kind.

    A package adds its own under the entry-point group `streamsr.<kind>`; a bundled name wins over a plug-in's.
    """

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def __iter__(self) -> Iterator[str]:
        plugins = (point.name for point in entry_points(group=f"streamsr.{self.kind}"))
        return iter(dict.fromkeys([*self._entries, *plugins]))

    def __contains__(self, name: object) -> bool:
        return name in set(self)

    def load(self, name: str) -> Any:
        """Import and return what `name` stands for.

        Raises:
            UnknownNameError: no such name; the message lists those there are.
        """
        if name in self._entries:
            module, _, attribute = self._entries[name].partition(":")
            return getattr(import_module(module), attribute)
        for point in entry_points(group=f"streamsr.{self.kind}", name=name):
            return point.load()
        raise UnknownNameError(self.kind, name, self)
