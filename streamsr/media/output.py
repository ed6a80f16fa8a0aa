"""Files that appear whole or not at all: written under a temporary name in the target's folder, then renamed."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from ..errors import OpenError


def refuse_same_file(source: Path, target: Path) -> None:
    """Refuse to replace an input by its own output, whatever name, link or spelling leads there.

    Raises:
        OpenError: `source` and `target` are one file.
    """
    try:
        same = source.samefile(target)
    except OSError:  # one of them is not there
        return
    if same:
        raise OpenError(f"{target} is the input itself; choose another name for the output")


class PendingFile:
    """A file on its way to `target`.

    `path` is a fresh, empty file beside the target (hidden, same suffix): write there, then `publish` or `discard`.
    Messages call it `target`, the name the user gave.
    A process that is killed leaves that file, never one under the target's name. Runs at the same time on the same
    target do not disturb each other; without `overwrite` the first to publish wins.

    Raises:
        OpenError: the target exists and may not be replaced, is a folder, or its folder is missing or not writable.
    """

    def __init__(self, target: Path, *, overwrite: bool = False) -> None:
        self.target = target
        self._final = Path(os.path.realpath(target))  # a link is followed: its file is replaced, not the link
        self._overwrite = overwrite
        check_target(target, overwrite=overwrite)
        self.path = self._reserve()
        self._done = False

    def _reserve(self) -> Path:
        stem, suffix = self._final.stem, self._final.suffix
        name = f".{stem[:100]}.partial-{secrets.token_hex(4)}{suffix}"
        path = self._final.with_name(name)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as error:
            reason = error.strerror or str(error)
            raise OpenError(f"cannot write into {self._final.parent}: {reason}; choose another folder") from error
        return path

    def publish(self) -> None:
        """Give the file its final name. Idempotent.

        Raises:
            OpenError: a file of that name has appeared meanwhile; the finished one keeps its temporary name.
        """
        if self._done:
            return
        self._done = True
        _publish(self.path, self._final, overwrite=self._overwrite)

    def discard(self) -> None:
        """Remove the file. Idempotent; nothing after `publish`."""
        if not self._done:
            self._done = True
            self.path.unlink(missing_ok=True)


class PendingFolder:
    """Files on their way into the folder `target`, which is made if it is missing.

    `path` is a fresh folder beside it: write the files there, under the names they are to have, then `publish` or
    `discard`.

    Raises:
        OpenError: the folder around the target is missing or not writable.
    """

    def __init__(self, target: Path, *, overwrite: bool = False) -> None:
        self._final = Path(os.path.realpath(target))
        self._overwrite = overwrite
        self._done = False
        self.path = self._final.with_name(f".{self._final.name[:100]}.partial-{secrets.token_hex(4)}")
        try:
            self.path.mkdir()
        except OSError as error:
            reason = error.strerror or str(error)
            raise OpenError(f"cannot write into {self._final.parent}: {reason}; choose another folder") from error

    def publish(self) -> None:
        """Move the files into the target. Idempotent.

        Raises:
            OpenError: one of them has appeared there meanwhile; it and those after it stay where they were written.
        """
        if self._done:
            return
        self._done = True
        self._final.mkdir(exist_ok=True)
        for file in sorted(self.path.iterdir()):
            _publish(file, self._final / file.name, overwrite=self._overwrite)
        self.path.rmdir()

    def discard(self) -> None:
        """Remove the files. Idempotent; nothing after `publish`."""
        if not self._done:
            self._done = True
            shutil.rmtree(self.path, ignore_errors=True)


def check_target(target: Path, *, overwrite: bool) -> None:
    """See that `target` may be created.

    Raises:
        OpenError: it exists and `overwrite` is not set, it is a folder, or its folder is missing.
    """
    if target.is_dir():
        raise OpenError(f"{target} is a folder; name a file in it")
    if target.exists() and not overwrite:
        raise OpenError(f"{target} exists; add --overwrite to replace it, or choose another name")
    folder = Path(os.path.realpath(target)).parent
    if not folder.is_dir():
        raise OpenError(f"cannot write {target}: there is no folder {folder}; make it first")


def _publish(source: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        source.replace(target)
        return
    try:
        _rename_new(source, target)
    except FileExistsError as error:
        text = f"{target} has appeared while it was being written; the result is in {source}"
        raise OpenError(text) from error


def _rename_new(source: Path, target: Path) -> None:
    """Rename, failing if `target` exists: a hard link is the one call that does both at once."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError(target) from None
        source.rename(target)
    else:
        source.unlink()
