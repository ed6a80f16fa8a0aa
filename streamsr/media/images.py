"""Folders of images and numbered images (`frame_%05d.png`) as a video."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av

from ..errors import MediaError, OpenError, UnsupportedFormatError
from ..frame import Frame, VideoInfo
from .convert import conform, frame_planes
from .decoder import Decoder
from .describe import describe
from .pattern import is_pattern, numbered_files
from .read_options import ReadOptions

log = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".ppm", ".pgm", ".pam", ".qoi", ".tga", ".jp2", ".dpx")
)
"""File names that count as images in a folder. A file given by name is read by its content, whatever its name."""


def image_files(folder: Path) -> list[Path]:
    """The images of a folder in natural order: `shot2.png` before `shot10.png`.

    Raises:
        OpenError: there are none.
    """
    files = [file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES and file.name[0] != "."]
    if not files:
        raise OpenError(f"{folder} holds no images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return sorted(files, key=_natural)


def _natural(file: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", file.name)]


class ImageSequence:
    """Image files as the frames of a video of `options.frame_rate` (`Source`).

    All must be of the size of the first; other pixel formats become its format. An image that cannot be decoded is
    left out, its time with it.

    Raises:
        OpenError, DecodeError, UnsupportedFormatError: the first image cannot be used.
    """

    def __init__(self, files: list[Path], options: ReadOptions | None = None) -> None:
        self._options = options or ReadOptions()
        self._files = list(enumerate(files))[_span(len(files), self._options)]
        if not self._files:
            raise OpenError(f"the wanted part of {files[0].parent} has no images: it lasts {len(files)} frames")
        self._closed = False
        self.skipped = 0
        """Images left out so far."""
        self._info = self._describe(self._files[0][1])

    def _describe(self, file: Path) -> VideoInfo:
        decoder = Decoder(file)
        try:
            info = describe(decoder.container, decoder.stream, decoder.first())
        finally:
            decoder.close()
        rate, count = self._options.frame_rate, len(self._files)
        return replace(info, time_base=1 / rate, frame_rate=rate, frames=count, duration=count / rate, still=False)

    @property
    def info(self) -> VideoInfo:
        """What is known before the first frame."""
        return self._info

    def __iter__(self) -> Iterator[Frame]:
        info, cut = self._info, True
        for number, file in self._files:
            if self._closed:
                return
            image = self._decode(file)
            if image is not None:
                planes = frame_planes(image, info.layout)
                yield Frame(planes, info.layout, number, info.time_base, 1, info.color, cut)
                cut = False

    def _decode(self, file: Path) -> av.VideoFrame | None:
        try:
            image = read_image(file)
        except MediaError as error:
            log.warning("%s", error)
            self.skipped += 1
            return None
        info = self._info
        if (image.width, image.height) != (info.width, info.height):
            raise UnsupportedFormatError(
                f"{file} is {image.width}x{image.height}, the images before it {info.width}x{info.height}; "
                "process images of different sizes one by one"
            )
        return conform(image, info.width, info.height, info.layout.name)

    def close(self) -> None:
        """Stop before the next image; idempotent, from any thread."""
        self._closed = True


def read_image(file: Path) -> av.VideoFrame:
    """The first picture in a file.

    Raises:
        OpenError, DecodeError, UnsupportedFormatError: there is none.
    """
    decoder = Decoder(file, threads=1)
    try:
        return decoder.first()
    finally:
        decoder.close()


def _span(count: int, options: ReadOptions) -> slice:
    """Which of `count` images lie within the wanted part."""
    rate = options.frame_rate
    first = -int(-(options.start or Fraction(0)) * rate // 1)
    last = count if options.end is None else -int(-options.end * rate // 1)
    return slice(first, last if options.frames is None else min(last, first + options.frames))


def open_folder(spec: str, options: ReadOptions) -> ImageSequence | None:
    """A folder of images."""
    folder = Path(spec)
    return ImageSequence(image_files(folder), options) if folder.is_dir() else None


def open_pattern(spec: str, options: ReadOptions) -> ImageSequence | None:
    """Numbered images, named by a pattern with one `%d`."""
    if not is_pattern(spec) or Path(spec).exists():
        return None
    return ImageSequence(numbered_files(spec), options)
