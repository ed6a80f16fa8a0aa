"""Two or three videos of the same frames, read side by side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import zip_longest
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..analysis.temporal.steps import Moment, Rgb
    from ..frame import Source, VideoInfo


class Moments:
    """The frames of an input, of what was made of it, and perhaps of the same unsmoothed, at the size of the input.

    Raises:
        ConfigError: one is smaller than the input, or of another shape.
        MediaError: one cannot be read.
    """

    def __init__(self, source: str, output: str, reference: str | None = None) -> None:
        from ..media.open import open_source

        names = [source, output, *([reference] if reference else [])]
        self._names = names
        with ExitStack() as opening:
            self._videos = [opening.enter_context(closing(open_source(name))) for name in names]
            for name, video in zip(names[1:], self._videos[1:], strict=True):
                _check_size(name, video.info, self.info)
            self._open = opening.pop_all()

    @property
    def info(self) -> VideoInfo:
        """The input's."""
        return self._videos[0].info

    def __iter__(self) -> Iterator[Moment]:
        """Every frame in turn, decoded ahead in threads.

        Raises:
            ConfigError: one video has fewer frames than another.
            DecodeError: nothing more can be decoded.
        """
        from ..analysis.temporal.steps import Moment
        from ..prefetch import prefetch

        size = self.info.width, self.info.height
        with ExitStack() as stack:
            streams = [
                stack.enter_context(closing(prefetch(_pictures(video, size), depth=2))) for video in self._videos
            ]
            for index, pictures in enumerate(zip_longest(*streams)):
                yield Moment(*self._complete(pictures, index))

    def _complete(self, pictures: tuple[Rgb | None, ...], index: int) -> list[Rgb]:
        there = [picture for picture in pictures if picture is not None]
        if len(there) < len(pictures):
            short, long = (
                next(n for n, p in zip(self._names, pictures, strict=True) if (p is None) is gone)
                for gone in (True, False)
            )
            raise ConfigError(f"{short} ends after {index} frames, {long} goes on: they must show the same frames")
        return there

    def close(self) -> None:
        """Release the files; idempotent."""
        self._open.close()


def _pictures(video: Source, size: tuple[int, int]) -> Iterator[Rgb]:
    import cv2
    import numpy as np

    from ..media.rgb import frame_rgb

    for frame in video:
        picture = frame_rgb(frame)
        if picture.shape[1::-1] != size:
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        yield picture


def _check_size(name: str, info: VideoInfo, source: VideoInfo) -> None:
    """Larger by one factor, the rounding of the sides aside."""
    sizes = f"{name} is {info.width}x{info.height}, the input {source.width}x{source.height}"
    if info.width < source.width or info.height < source.height:
        raise ConfigError(f"{sizes}: what is smaller cannot be measured at the input's size; give a smaller input")
    factor = info.width / source.width
    if abs(info.height - factor * source.height) > factor:
        raise ConfigError(f"{sizes}: they are not of one shape, so their pixels do not correspond")
