"""What the options of the commands that process files mean to the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import parse_tile, parse_time

if TYPE_CHECKING:
    from ..assembly import EngineOptions
    from ..media.options import WriteOptions
    from ..media.source import ReadOptions


def reading(start: str | None, end: str | None, frames: int | None, no_deinterlace: bool) -> ReadOptions:
    """Which part is read, and how. Raises `UsageError` for a time that is none."""
    from ..media.source import ReadOptions

    return ReadOptions(deinterlace=not no_deinterlace, start=parse_time(start), end=parse_time(end), frames=frames)


def writing(
    codec: str | None,
    crf: float | None,
    preset: str | None,
    pix_fmt: str | None,
    skip_streams: list[str] | None,
    overwrite: bool,
) -> WriteOptions:
    """How the output is encoded."""
    from ..media.options import WriteOptions

    skipped = frozenset(kind.strip() for kinds in skip_streams or () for kind in kinds.split(","))
    return WriteOptions(codec=codec, crf=crf, preset=preset, pix_fmt=pix_fmt, overwrite=overwrite, skip_streams=skipped)


def engine(backend: str, precision: str, threads: int | None, tile: str) -> EngineOptions:
    """How engines are compiled and run. Raises `UsageError` for a tile size that is none."""
    from ..assembly import EngineOptions

    return EngineOptions(backend=backend, precision=precision, threads=threads, tile=parse_tile(tile))
