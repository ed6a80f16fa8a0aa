"""What the options of the commands that process files mean to the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import UsageError, parse_tile, parse_time

if TYPE_CHECKING:
    from ..assembly import EngineOptions
    from ..media.options import WriteOptions
    from ..media.source import ReadOptions


def reading(
    start: str | None, end: str | None, frames: int | None, no_deinterlace: bool, hwaccel: str = "none"
) -> ReadOptions:
    """Which part is read, and how. Raises `UsageError` for a time that is none."""
    from ..media.source import ReadOptions

    begin, finish = parse_time(start), parse_time(end)
    return ReadOptions(deinterlace=not no_deinterlace, start=begin, end=finish, frames=frames, hwaccel=hwaccel)


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


def engine(
    backend: str, precision: str, threads: int | None, tile: str, device: str = "auto", provider: str | None = None
) -> EngineOptions:
    """How engines are compiled and run. Raises `UsageError` for a tile size that is none, and for two devices."""
    from ..assembly import EngineOptions

    if provider is not None:
        backend, device = "onnxruntime", _provided(backend, device, provider)
    return EngineOptions(backend=backend, precision=precision, threads=threads, device=device, tile=parse_tile(tile))


def _provided(backend: str, device: str, provider: str) -> str:
    """The device that a provider of ONNX Runtime's is for."""
    family = provider.upper() if provider.upper() == "CPU" else provider.lower()
    if backend not in ("auto", "onnxruntime"):
        raise UsageError(f"--provider is ONNX Runtime's, leave it out or say --backend onnxruntime, not {backend}")
    if device == "auto":
        return family
    if device.partition(":")[0].lower() != family.lower():
        raise UsageError(f"--provider {provider} and --device {device} are two devices, leave one of them out")
    return family + "".join(device.partition(":")[1:])
