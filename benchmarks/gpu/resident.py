"""Frames that stay on the GPU from NVDEC to the engine and from there to NVENC: the same bytes, and what that gains."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from streamsr.assembly import EngineOptions
from streamsr.bench.footage import generated_clip
from streamsr.chain import Chain
from streamsr.engines.cuda import Driver, open_driver
from streamsr.engines.tensorrt_surfaces import fetch
from streamsr.media.create import create_sink
from streamsr.media.open import open_source
from streamsr.media.options import WriteOptions
from streamsr.media.read_options import ReadOptions
from streamsr.notices import say_once
from streamsr.pipeline import Pipeline
from streamsr.report import Report
from streamsr.residence import DevicePlanes

from .video import FRAMES, Planes, check_whole, named

DEVICE = "cuda:0"
CODEC = "h264_nvenc"
ROUNDS = 3
LEVELS_MOST = 1.0
"""How far apart the planes of two files may be on average, the worst plane of all frames, of 255."""


def planes_there(clip: Path) -> Iterator[Planes]:
    """What NVDEC left on the device, fetched row by row of its pitch; nothing of FFmpeg's own download is used.

    Raises:
        RuntimeError: a frame came to the host, or was left out.
    """
    driver = open_driver(0)
    with closing(open_source(clip, ReadOptions(hwaccel="cuda", resident=True, frames=FRAMES))) as source:
        for frame in source:
            if not isinstance(frame.planes, DevicePlanes):
                raise RuntimeError(f"{frame} came to the host")
            _settle(driver)
            yield fetch(driver, frame.planes.surfaces)
        check_whole(source)


def _settle(driver: Driver) -> None:
    """Wait for what FFmpeg has put on the default stream."""
    driver.activate()
    stream, event = driver.stream(), driver.event()
    driver.join(stream, event)
    driver.synchronize(stream)
    driver.free_event(event)
    driver.free_stream(stream)


def end_to_end(backend: str, models: tuple[str, ...], sizes: tuple[tuple[int, int], ...]) -> list[dict[str, Any]]:
    """NVDEC, engine, NVENC: frames per second with frames that stay and with frames that do not, in turns.

    An `error` where frames came to the host after all, or where the two files show different pictures.
    """
    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            clip = generated_clip(*size, Path(folder)).clip
            assert clip is not None
            for model in models:
                about = {"model": model, "size": f"{size[0]}x{size[1]}", "codec": CODEC}
                options = EngineOptions(backend=backend, device=DEVICE, cache=False)
                with Chain(named(model, Path(folder)), options=options) as chain:
                    rows.append(about | _compared(chain, clip, Path(folder)))
    return rows


def _compared(chain: Chain, clip: Path, folder: Path) -> dict[str, Any]:
    files = {stay: folder / f"stay_{stay}.mkv" for stay in (True, False)}
    best: dict[bool, Report] = {}
    with _notices() as said:
        for stay, file in [*files.items()] * (ROUNDS + 1):  # the first builds the engine, and its graphs
            report = _run(chain, clip, file, stay=stay)
            best[stay] = max(best.get(stay, report), report, key=lambda run: run.fps)
    told: dict[str, Any] = {
        "fps_there": round(best[True].fps, 1),
        "fps_by_the_host": round(best[False].fps, 1),
        "gain": best[True].fps / best[False].fps,
        "wall_ms": {name: round(cost.wall_ms, 3) for name, cost in best[True].stages.items()},
    }
    if said:
        return told | {"error": "; ".join(said)}
    pairs = zip(*(_shown(file) for file in files.values()), strict=True)
    levels = max(float(np.abs(a.astype(int) - b).mean()) for x, y in pairs for a, b in zip(x, y, strict=True))
    told["levels_apart"] = levels  # an encoder need not give the same bytes twice
    return told if levels < LEVELS_MOST else told | {"error": "frames that stayed show other pictures"}


def _run(chain: Chain, clip: Path, output: Path, *, stay: bool) -> Report:
    source = open_source(clip, ReadOptions(hwaccel="cuda", resident=stay))
    if stay and source.info.device != DEVICE:
        source.close()
        raise RuntimeError(f"decoded pictures do not stay on {DEVICE}")
    sink = create_sink(str(output), WriteOptions(codec=CODEC, pix_fmt="nv12", overwrite=True))
    report = Pipeline(source, chain, sink, device=DEVICE if stay else None).run()
    check_whole(report)
    return report


def _shown(file: Path) -> Iterator[Planes]:
    with closing(open_source(file)) as source:
        for frame in source:
            yield tuple(plane.copy() for plane in frame.planes)
        check_whole(source)


@contextmanager
def _notices() -> Iterator[list[str]]:
    """What is said meanwhile of frames that came to the host."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "come to the host" in record.getMessage():
                said.append(record.getMessage())

    listener, log = Listener(), logging.getLogger("streamsr")
    say_once.cache_clear()
    log.addHandler(listener)
    try:
        yield said
    finally:
        log.removeHandler(listener)
