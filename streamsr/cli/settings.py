"""What the options of the commands that process files mean to the library."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .options import UsageError, parse_devices, parse_tile, parse_time

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
    backend: str,
    precision: str,
    threads: int | None,
    tile: str,
    device: str = "auto",
    provider: str | None = None,
    devices: str | None = None,
) -> EngineOptions:
    """How engines are compiled and run.

    Raises:
        UsageError: a tile size that is none, or devices that contradict each other.
    """
    from ..assembly import EngineOptions

    if devices is not None and device != "auto":
        raise UsageError(f"--device {device} and --devices {devices} are two answers, leave one of them out")
    names = (device,) if devices is None else parse_devices(devices)
    if provider is not None:
        names = tuple(_provided(backend, name, provider) for name in names)
        backend = "onnxruntime"
    options = EngineOptions(backend=backend, precision=precision, threads=threads, tile=parse_tile(tile))
    return replace(options, device=names[0]) if len(names) == 1 else replace(options, devices=names)


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
