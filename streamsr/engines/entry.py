"""The file format of a cached engine: a checksum, a JSON record, the backend's own bytes. Nothing in it is executed.

streamsr engine 1\\n
<sha256 of all that follows, hex>\\n
<EngineRecord as one line of JSON>\\n
<blob>
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

MAGIC = b"streamsr engine 1\n"

_HEAD_MAX = 1 << 16


@dataclass(frozen=True, slots=True)
class EngineRecord:
    """What a cached engine is, for finding and listing it."""

    key: str
    """The cache key; a file renamed to another engine's name is found out by it."""
    model: str
    format: str
    """Input and output, `640x360 yuv420p -> 1280x720 yuv420p`."""
    backend: str
    version: str
    device: str
    precision: str
    created: float
    """Seconds since 1970."""
    psnr: tuple[float, ...]
    """The guard's findings, dB per output plane."""
    verified: bool = True


def pack(record: EngineRecord, blob: bytes) -> bytes:
    """The bytes of an entry."""
    body = json.dumps(asdict(record), sort_keys=True).encode() + b"\n" + blob
    return MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def unpack(data: bytes) -> tuple[EngineRecord, bytes]:
    """The inverse of `pack`.

    Raises:
        ValueError: not an entry of this version, or a byte of it has changed.
    """
    checksum, body = _split(data)
    if hashlib.sha256(body).hexdigest() != checksum:
        raise ValueError("its checksum does not match")
    head, _, blob = body.partition(b"\n")
    return _record(head), blob


def read_record(path: Path) -> EngineRecord | None:
    """The record of an entry without reading its blob, so without its checksum; None if there is none."""
    try:
        with path.open("rb") as file:
            _, body = _split(file.read(_HEAD_MAX))
        return _record(body.partition(b"\n")[0])
    except (OSError, ValueError):
        return None


def _split(data: bytes) -> tuple[str, bytes]:
    if not data.startswith(MAGIC):
        raise ValueError("it is not a cached engine of this version")
    checksum, newline, body = data[len(MAGIC) :].partition(b"\n")
    if not newline or len(checksum) != hashlib.sha256().digest_size * 2:
        raise ValueError("it is cut short")
    return checksum.decode("ascii", "replace"), body


def _record(head: bytes) -> EngineRecord:
    raw = json.loads(head)
    try:
        record = EngineRecord(**{field.name: raw[field.name] for field in fields(EngineRecord)})
        psnr = tuple(float(value) for value in record.psnr)
    except (KeyError, TypeError) as error:
        raise ValueError(f"its record is incomplete: {error}") from error
    return EngineRecord(**{**asdict(record), "psnr": psnr})
