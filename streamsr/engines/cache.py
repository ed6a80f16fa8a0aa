"""Compiled engines on disk. An entry is taken only if it is whole and ours; anything else is built again."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from .entry import EngineRecord, pack, read_record, unpack

log = logging.getLogger(__name__)

CACHE_ENV = "STREAMSR_CACHE_DIR"
"""Environment variable that puts the cache elsewhere."""

LOCK_SECONDS = 120
"""How long to wait for another process that compiles the same engine, before doing it oneself."""

CACHE_BYTES_MAX = 2 << 30
"""What the cache grows to: beyond it the engines unused for longest make room."""

_SUFFIX, _LOCK, _PART, _TIMINGS = ".engine", ".lock", ".part", ".timing"
_PART_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One file of the cache."""

    path: Path
    size: int
    """Bytes."""
    used: float
    """Seconds since 1970 when it was last stored or taken."""
    record: EngineRecord | None
    """What an engine says of itself; None when it is unreadable."""

    @property
    def is_timings(self) -> bool:
        """Whether it is no engine but a timing cache, which makes the builds of all engines of a GPU shorter."""
        return self.path.suffix == _TIMINGS


def cache_directory() -> Path:
    """`$STREAMSR_CACHE_DIR`, or the platform's place for an application's cache."""
    return Path(os.environ.get(CACHE_ENV) or user_cache_path("streamsr", appauthor=False)) / "engines"


def timings_path(version: str, device: str) -> Path:
    """The file of TensorRT's timing cache, for a version of it and the identity of a GPU."""
    return cache_directory() / f"{hashlib.sha256(f'{version} {device}'.encode()).hexdigest()[:16]}{_TIMINGS}"


def open_cache() -> EngineCache | None:
    """The cache, if it can be trusted: a folder that others may write into could hold anything, and is left alone."""
    directory = cache_directory()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        trusted = _private(directory)
    except OSError as error:
        log.warning("engines are not cached, %s cannot be used: %s", directory, error)
        return None
    if not trusted:
        log.warning("engines are not cached, %s can be written by others: chmod go-w it, or delete it", directory)
        return None
    return EngineCache(directory)


def _private(directory: Path) -> bool:
    """Whether nobody else can put files there; Windows profiles are private by themselves."""
    if os.name != "posix":
        return True
    status = directory.stat()
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def entries() -> list[CacheEntry]:
    """Every engine and timing cache there is, the most recently used first."""
    directory = cache_directory()
    found = (_entry(path) for suffix in (_SUFFIX, _TIMINGS) for path in directory.glob(f"*{suffix}"))
    return sorted((entry for entry in found if entry is not None), key=lambda entry: -entry.used)


def _entry(path: Path) -> CacheEntry | None:
    with suppress(OSError):  # another process may have removed it just now
        status = path.stat()
        record = None if path.suffix == _TIMINGS else read_record(path)
        return CacheEntry(path, status.st_size, status.st_mtime, record)
    return None


def prune(
    *, max_bytes: int | None = None, older_than: float | None = None, everything: bool = False
) -> list[CacheEntry]:
    """Delete entries and return them: all, those unused for `older_than` seconds, the least recently used ones above
    `max_bytes` in total, and always engines that are unreadable.

    Timing caches are small, and every engine of a GPU has use for them: they are the last to make room.
    """
    kept, removed = 0, []
    for entry in sorted(entries(), key=lambda entry: not entry.is_timings):
        stale = older_than is not None and time.time() - entry.used > older_than
        crowded = max_bytes is not None and kept + entry.size > max_bytes
        broken = entry.record is None and not entry.is_timings
        if (everything or stale or crowded or broken) and _remove(entry.path):
            removed.append(entry)
        else:
            kept += entry.size
    for part in cache_directory().glob(f"*{_PART}"):  # what a killed process left
        if everything or _age(part) > _PART_SECONDS:
            _remove(part)
    return removed


def _age(path: Path) -> float:
    """Seconds since a file was written; 0 when another process has removed it just now."""
    with suppress(OSError):
        return time.time() - path.stat().st_mtime
    return 0


def _remove(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s cannot be deleted: %s", path, error)
        return False
    _remove_lock(path.with_suffix(_LOCK))
    return True


def _remove_lock(path: Path) -> None:
    """Delete a lock file unless it is held: the next process would make one of its own and not wait."""
    if path.exists():
        with suppress(OSError, Timeout), FileLock(path).acquire(blocking=False):
            path.unlink(missing_ok=True)


class EngineCache:
    """A folder of compiled engines. Trouble with the folder costs a warning and time, never a run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Keep other processes from compiling the same engine; go ahead without when that is not possible."""
        guard = FileLock(self._path(key).with_suffix(_LOCK))
        with suppress(OSError, Timeout):
            guard.acquire(timeout=LOCK_SECONDS)
        try:
            yield
        finally:
            guard.release()

    def load(self, key: str) -> bytes | None:
        """The blob stored under `key`; None if there is none that is whole and this key's."""
        path = self._path(key)
        try:
            record, blob = unpack(path.read_bytes())
            if record.key != key or not record.verified:
                raise ValueError("it is another engine's")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.warning("cached engine %s is not used, %s: building it again", path.name, error)
            return None
        with suppress(OSError):
            os.utime(path)
        return blob

    def store(self, record: EngineRecord, blob: bytes) -> None:
        """Keep an engine: whole or not at all, replacing what was there."""
        part = None
        try:
            with tempfile.NamedTemporaryFile(dir=self.directory, suffix=_PART, delete=False) as file:
                part = Path(file.name)
                file.write(pack(record, blob))
            part.replace(self._path(record.key))
        except OSError as error:
            log.warning("the compiled engine could not be cached in %s: %s", self.directory, error)
            if part is not None:
                part.unlink(missing_ok=True)
        else:
            prune(max_bytes=CACHE_BYTES_MAX)

    def discard(self, key: str) -> None:
        """Forget an entry that its backend did not accept."""
        with suppress(OSError):
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.directory / f"{key}{_SUFFIX}"
