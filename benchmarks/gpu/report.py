"""Sections of a check: each finds something or says why it cannot, and none keeps the next from its turn."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Findings:
    """What is known so far; written after every section, so that a check that is cut short has told something."""

    path: Path
    sections: dict[str, Any] = field(default_factory=dict)

    def section(self, name: str, find: Callable[[], Any]) -> Any:
        """Run one section: what it returns is found, what it raises is told, and None is returned."""
        print(f"{name} …", file=sys.stderr, flush=True)
        started = time.perf_counter()
        found = None
        try:
            found = find()
            told: Any = found
        except Exception as error:  # it is the report that has to survive
            told = {"error": f"{type(error).__name__}: {error}"}
            print(f"  {told['error']}", file=sys.stderr)
        self.sections[name] = {"seconds": round(time.perf_counter() - started, 1), "found": told}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.sections, indent=1, default=_plain) + "\n")
        return found

    @property
    def failures(self) -> list[str]:
        """Every error, with the section it is in."""
        return [f"{name}: {error}" for name, told in self.sections.items() for error in errors(told)]


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def errors(told: Any) -> list[str]:
    """Every `error` in what was found, however deep."""
    if isinstance(told, dict):
        own = [str(told["error"])] if "error" in told else []
        return own + [error for value in told.values() for error in errors(value)]
    if isinstance(told, list):
        return [error for value in told for error in errors(value)]
    return []
