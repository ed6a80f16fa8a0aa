"""Helpers of the tests that read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from streamsr.frame import Frame, VideoInfo
from streamsr.media.open import open_source
from streamsr.media.read_options import ReadOptions
from tests.clips import Planes


def read(spec: str | Path, **options: object) -> tuple[VideoInfo, list[Frame], int]:
    """Everything a source gives: its info, its frames, how much it skipped."""
    with closing(open_source(spec, ReadOptions(**options))) as source:
        return source.info, list(source), source.skipped


def same_planes(frames: Sequence[Frame], pictures: Sequence[Planes]) -> bool:
    """Whether the frames are these pictures, sample for sample."""
    return len(frames) == len(pictures) and all(
        len(frame.planes) == len(planes) and all(map(np.array_equal, frame.planes, planes))
        for frame, planes in zip(frames, pictures, strict=True)
    )


def nearest_picture(frame: Frame, pictures: Sequence[Planes]) -> int:
    """Which of the pictures a lossily coded frame shows."""
    errors = [float(np.mean((frame.planes[0].astype(float) - planes[0]) ** 2)) for planes in pictures]
    return int(np.argmin(errors))


def flip_bits(path: Path, seed: int, share: float = 0.002, spare: int = 2000) -> None:
    """Damage a file: every byte behind the first `spare` changes with probability `share`."""
    data = np.frombuffer(path.read_bytes(), np.uint8).copy()
    random = np.random.default_rng(seed)
    hit = random.random(len(data)) < share
    hit[:spare] = False
    data[hit] ^= random.integers(1, 256, hit.sum(), dtype=np.uint8)
    path.write_bytes(data.tobytes())


def patch(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Rewrite a file."""
    path.write_bytes(change(path.read_bytes()))
