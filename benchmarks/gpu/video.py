"""Video on the GPU: NVDEC gives the same planes as the CPU, also without leaving the device; and the whole pipeline."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from streamsr.frame import Source
from streamsr.report import Report

FRAMES = 60
SIZE = (1280, 720)
_NV12 = 2
"""Planes of a picture that a GPU decoded; of one that the CPU did, yuv420p has three."""


Planes = tuple[np.ndarray, ...]


def nvdec() -> dict[str, Any]:
    """A clip decoded by the CPU and by the GPU, plane by plane."""
    return _compared(lambda clip: _decoded(clip, "cuda"))


def nvdec_on_device() -> dict[str, Any]:
    """A clip decoded by the CPU and by the GPU, whose planes stay on the device until they are compared."""
    from .resident import planes_there

    return _compared(planes_there)


def _compared(decode: Callable[[Path], Iterator[Planes]]) -> dict[str, Any]:
    """What is found; an `error` where the GPU did not decode, or not the same."""
    from streamsr.bench.footage import generated_clip

    with tempfile.TemporaryDirectory() as folder:
        clip = generated_clip(*SIZE, Path(folder)).clip
        assert clip is not None
        host, found = list(_decoded(clip, "none")), list(decode(clip))
    told = {"frames": len(found)}
    if not all(len(planes) == _NV12 for planes in found):
        return told | {"error": "the CPU decoded it: nv12 is what a GPU gives"}
    return told if _equal(host, found) else told | {"error": "other planes than the CPU's"}


def end_to_end(backend: str, models: tuple[str, ...], sizes: tuple[tuple[int, int], ...]) -> list[dict[str, Any]]:
    """A file through decoder, engine and encoder: frames per second, and each stage's share."""
    from streamsr.assembly import EngineOptions
    from streamsr.bench.footage import generated_clip
    from streamsr.chain import Chain
    from streamsr.pipeline import Pipeline

    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            footage = generated_clip(*size, Path(folder))
            for model in models:
                with Chain(named(model, Path(folder)), options=EngineOptions(backend=backend, cache=False)) as chain:
                    Pipeline(footage.source(8), chain, footage.sink(Path(folder))).run()  # builds the engine
                    report = Pipeline(footage.source(), chain, footage.sink(Path(folder))).run()
                    check_whole(report)
                    stages = {name: round(cost.wall_ms, 3) for name, cost in report.stages.items()}
                    about = {"model": model, "size": f"{size[0]}x{size[1]}", "precision": report.precision}
                    rows.append(about | {"fps": round(report.fps, 1), "wall_ms": stages})
    return rows


def named(model: str, folder: Path) -> str:
    """The model as a chain takes it: what is not of the zoo, as a file."""
    import onnx

    from .networks import COMPACT, compact

    if model != COMPACT:
        return model
    path = folder / f"{model}.onnx"
    onnx.save(compact().proto, path)
    return str(path)


def _decoded(clip: Path, hwaccel: str) -> Iterator[Planes]:
    from streamsr.media.open import open_source
    from streamsr.media.read_options import ReadOptions

    with closing(open_source(clip, ReadOptions(hwaccel=hwaccel, frames=FRAMES))) as source:
        for frame in source:
            yield tuple(plane.copy() for plane in frame.planes)
        check_whole(source)


def check_whole(run: Source | Report) -> None:
    """See that everything was decoded: what a decoder on a GPU cannot do comes as a damaged packet.

    Raises:
        RuntimeError: something was left out.
    """
    if run.skipped:
        raise RuntimeError(f"{run.skipped} packets or frames were left out as damaged")


def _equal(host: list[tuple[np.ndarray, ...]], device: list[tuple[np.ndarray, ...]]) -> bool:
    """Whether every sample is the same, whether chroma comes as two planes or as one."""
    if len(host) != len(device):
        return False
    pairs = zip(host, device, strict=True)
    return all(np.array_equal(x, y) for a, b in pairs for x, y in zip(semiplanar(a), semiplanar(b), strict=True))


def semiplanar(planes: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Luma `(H, W)` and chroma `(H/2, W/2, 2)` of planes as yuv420p or as nv12 has them."""
    if len(planes) == 3:
        return planes[0], np.stack(planes[1:], axis=-1)
    luma, chroma = planes
    return luma, chroma.reshape(chroma.shape[0], -1, 2)
