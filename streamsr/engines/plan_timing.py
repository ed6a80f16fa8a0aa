"""TensorRT's timing cache as a file: what kernels took on this GPU, so that the next build need not time them again.

streamsr timing cache 1\\n
<sha256 of all that follows, hex>\\n
<TensorRT's own bytes>
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

MAGIC = b"streamsr timing cache 1\n"

_DIGITS = hashlib.sha256().digest_size * 2


@contextmanager
def timings(config: Any, path: Path) -> Iterator[None]:
    """Let a builder's `config` use the timings in a file; when the block ends well, the file has the new ones too.

    A file that is broken, or another version's or GPU's, is passed over with a warning, and replaced.
    """
    cache = config.create_timing_cache(read_timings(path))
    if not config.set_timing_cache(cache, False):
        log.warning("the timing cache %s is another version's or another GPU's: timing anew", path)
        config.set_timing_cache(config.create_timing_cache(b""), False)
    yield
    used = config.get_timing_cache()
    if used is not None:
        write_timings(path, bytes(used.serialize()))


def read_timings(path: Path) -> bytes:
    """The timings in a file; nothing where there is no file, or, with a warning, none that is whole."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        log.warning("the timing cache %s cannot be read, timing anew: %s", path, error)
        return b""
    start = len(MAGIC) + _DIGITS + 1
    blob = data[start:]
    if data[:start] != MAGIC + hashlib.sha256(blob).hexdigest().encode() + b"\n":
        log.warning("the timing cache %s is damaged: timing anew", path)
        return b""
    return blob


def write_timings(path: Path, blob: bytes) -> None:
    """Write a file, whole or not at all. Trouble costs a warning, and time at the next build."""
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            part = Path(file.name)
            file.write(MAGIC + hashlib.sha256(blob).hexdigest().encode() + b"\n" + blob)
        part.replace(path)
    except OSError as error:
        log.warning("the timing cache %s cannot be written: %s", path, error)
        if part is not None:
            part.unlink(missing_ok=True)
