"""Short clips to be degraded as video is: out of stills, by moving over them, and out of video files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..frame import Frame
from ..media.open import open_source
from ..media.read_options import ReadOptions
from ..media.rgb import frame_rgb
from .degradations.base import Clip

__all__ = ["Clip", "clip_from_image", "read_clips"]

Image = npt.NDArray[np.uint8]

RESTING = 0.25
"""Share of the clips in which nothing moves."""
MEAN_SPEED = 3.0
"""Pixels per frame of the others, on average; slow ones are the most frequent."""
TOP_SPEED = 16.0
MARGIN = 4
"""At most one part in so many of each side is given up to the movement."""


def clip_from_image(rgb: Image, frames: int, rng: np.random.Generator) -> Clip:
    """A steady pan over `(H, W, 3)` uint8, or no movement: `(frames, H', W', 3)`.

    Every frame, so the last one too, is a crop of the image: the pan goes by whole pixels, because interpolated frames
    are softer than what they are predicted from. Downscaled by n, they are steps of 1/n pixel. H' and W' are less than
    H and W by the length of the way.
    """
    ways = zip(rgb.shape[:2], _velocity(rgb, frames, rng), strict=True)
    rows, columns = (_span(side, step, frames) for side, step in ways)
    return np.stack([rgb[top, left] for top, left in zip(rows, columns, strict=True)])


def _velocity(rgb: Image, frames: int, rng: np.random.Generator) -> tuple[int, int]:
    """Pixels per frame down and to the right."""
    speed, angle = min(rng.exponential(MEAN_SPEED), TOP_SPEED), rng.uniform(0, 2 * np.pi)
    if frames < 2 or rng.random() < RESTING:
        return 0, 0
    most = [side // MARGIN // (frames - 1) for side in rgb.shape[:2]]
    down, right = round(speed * np.sin(angle)), round(speed * np.cos(angle))
    return int(np.clip(down, -most[0], most[0])), int(np.clip(right, -most[1], most[1]))


def _span(side: int, step: int, frames: int) -> list[slice]:
    """Where each frame lies along an axis."""
    way = abs(step) * (frames - 1)
    first = 0 if step >= 0 else way
    return [slice(first + step * index, first + step * index + side - way) for index in range(frames)]


def read_clips(path: Path, frames: int, every: int) -> Iterator[Clip]:
    """Runs of `frames` consecutive frames of a video file, one in each `every` frames: `(frames, H, W, 3)` uint8 RGB.

    Colour is converted by the stream's own tags, 10 bits become 8. Runs that a gap in time falls into are left
    out, and the rest at the end. One run is in memory at a time.

    Raises:
        ConfigError: `every` is less than `frames`, or `frames` less than 1.
        MediaError: the file cannot be opened or decoded.
    """
    if not 1 <= frames <= every:
        raise ConfigError(f"runs of {frames} frames in every {every}: runs need a frame and may not overlap")
    return _runs(path, frames, every)


def _runs(path: Path, frames: int, every: int) -> Iterator[Clip]:
    source = open_source(path, ReadOptions(threads=1))
    run: list[Image] = []
    try:
        for index, frame in enumerate(source):
            if index % every < frames:
                run = _continued(run, frame, index % every)
                if len(run) == frames:
                    yield np.stack(run)
    finally:
        source.close()


def _continued(run: list[Image], frame: Frame, place: int) -> list[Image]:
    """`run` with `frame` added; nothing any more once a gap has broken it."""
    if place == 0:
        return [frame_rgb(frame)]
    return [*run, frame_rgb(frame)] if len(run) == place and not frame.cut else []
