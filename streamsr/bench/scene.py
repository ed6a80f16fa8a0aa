"""Pictures made by code: a camera that glides over stripes, blocks and waves, under fine grain. No two are alike."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..color import Color
from ..frame import Frame, Plane, VideoInfo
from ..layout import pixel_layout

RATE = Fraction(25)
FRAMES_MOST = 120
"""Frames a scene has: every one is another as long as the camera has not come back."""

_TRAVEL = 64
"""Pixels the camera moves in all, along either axis."""
_GRAIN = 3.0
"""Standard deviation of the grain, in 8-bit levels."""

Levels = npt.NDArray[np.int16]


class Scene:
    """`FRAMES_MOST` frames of 8-bit 4:2:0 video, limited range, BT.709. The same for everybody."""

    def __init__(self, width: int, height: int) -> None:
        self.info = VideoInfo(
            width,
            height,
            pixel_layout("yuv420p"),
            1 / RATE,
            Color("bt709", "tv", "bt709", "bt709", "left"),
            frame_rate=RATE,
            frames=FRAMES_MOST,
        )

    def frame(self, index: int) -> Frame:
        """The frame of that number, from 0."""
        moved = round(_TRAVEL * (index % FRAMES_MOST) / FRAMES_MOST) // 2 * 2
        top, left = map(int, np.random.default_rng(index).integers(0, 2 * _TRAVEL, 2))
        shapes = self.info.layout.plane_shapes(self.info.width, self.info.height)
        luma = np.add(_cut(self._canvas[0], moved, moved, shapes[0]), _cut(self._grain, top, left, shapes[0]))
        chroma = [_cut(plane, moved // 2, moved // 2, shapes[1]) for plane in self._canvas[1:]]
        planes: tuple[Plane, ...] = tuple(np.clip(plane, 16, 235).astype(np.uint8) for plane in (luma, *chroma))
        return Frame(planes, self.info.layout, index, self.info.time_base, 1, self.info.color, cut=index == 0)

    @cached_property
    def _canvas(self) -> tuple[Levels, Levels, Levels]:
        """What the camera looks at, luma and chroma."""
        y, x = np.mgrid[: self.info.height + _TRAVEL, : self.info.width + _TRAVEL].astype(np.float32)
        waves = 30 * np.sin(x / 37 + np.sin(y / 23)) + 20 * np.cos(y / 11 - x / 71)
        blocks = 36 * (((x // 48) + (y // 40)) % 2) * (((x // 7) + (y // 160)) % 2)
        stripes = 18 * np.sin((x + 0.6 * y) * (0.4 + 0.3 * np.sin(y / 97)))
        small = (slice(None, None, 2), slice(None, None, 2))
        tints = [128 + 40 * np.sin(x[small] / 53), 128 + 40 * np.cos(y[small] / 67)]
        luma, u, v = (plane.astype(np.int16) for plane in (110 + waves + blocks + stripes, *tints))
        return luma, u, v

    @cached_property
    def _grain(self) -> Levels:
        shape = (self.info.height + 2 * _TRAVEL, self.info.width + 2 * _TRAVEL)
        return np.rint(np.random.default_rng(0).normal(0, _GRAIN, shape)).astype(np.int16)


def _cut(plane: Levels, top: int, left: int, shape: tuple[int, ...]) -> Levels:
    return plane[top : top + shape[0], left : left + shape[1]]


class GeneratedSource:
    """The first `frames` frames of a scene, as a `Source`."""

    skipped = 0

    def __init__(self, scene: Scene, frames: int) -> None:
        self.info = scene.info
        self._scene = scene
        self._frames = frames

    def __iter__(self) -> Iterator[Frame]:
        """Made one by one, as they are asked for."""
        return map(self._scene.frame, range(self._frames))

    def close(self) -> None:
        """Nothing is open."""


class NullSink:
    """Takes frames and forgets them (`Sink`)."""

    skipped = 0

    def negotiate(self, info: VideoInfo) -> VideoInfo:
        """The same: everything fits."""
        return info

    def open(self, info: VideoInfo) -> None:
        """Nothing to open."""

    def write(self, frame: Frame) -> None:
        """Gone."""

    def close(self, *, truncate: bool = False) -> None:
        """Nothing to finish."""

    def abort(self) -> None:
        """Nothing to remove."""


def write_scene(path: Path, scene: Scene, frames: int = FRAMES_MOST) -> None:
    """A scene as an H.264 file.

    Raises:
        MediaError: it cannot be written.
    """
    from ..media.create import create_sink
    from ..media.options import WriteOptions

    sink = create_sink(path, WriteOptions(codec="libx264", crf=18, preset="veryfast"))
    sink.open(sink.negotiate(scene.info))
    try:
        for frame in GeneratedSource(scene, frames):
            sink.write(frame)
        sink.close()
    finally:
        sink.abort()  # nothing is left to abort once it is closed
