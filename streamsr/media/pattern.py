"""Numbered file names: patterns with one directive of C's printf, such as `frame_%05d.png`."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import OpenError

_DIRECTIVE = re.compile(r"%(0?)(\d*)d")


def is_pattern(spec: str | Path) -> bool:
    """Whether the file name in `spec` stands for numbered files."""
    return _DIRECTIVE.search(Path(spec).name) is not None


def numbered_name(pattern: str, number: int) -> str:
    """File name `number` of a pattern: `frame_%05d.png` and 7 give `frame_00007.png`."""
    return _DIRECTIVE.sub(lambda directive: directive[0] % number, pattern)


def numbered_files(pattern: str | Path) -> list[Path]:
    """The files a pattern names, by number, from the lowest one there is.

    Raises:
        OpenError: there are none.
    """
    path = Path(pattern)
    directive = _DIRECTIVE.search(path.name)
    candidates = path.parent.iterdir() if directive and path.parent.is_dir() else ()
    numbered = []
    if directive is not None:
        before, after = re.escape(path.name[: directive.start()]), re.escape(path.name[directive.end() :])
        width = int(directive[2] or 1) if directive[1] else 1
        name = re.compile(f"{before}(\\d{{{width},}}){after}")
        numbered = sorted((int(match[1]), file) for file in candidates if (match := name.fullmatch(file.name)))
    if not numbered:
        raise OpenError(f"no file is named like {pattern}")
    return [file for _, file in numbered]
