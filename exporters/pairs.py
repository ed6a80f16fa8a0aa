"""The images of a benchmark set: each true image with its small one, given or made as the literature makes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamsr.errors import ConfigError
from streamsr.training.degrade import bicubic
from streamsr.training.images import may_be_picture, read_rgb

Image = npt.NDArray[np.uint8]

_SPARE_MAX = 24
"""Pixels that a true image may lack in its small one: sets are cropped to multiples of 12, sometimes 24."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A small picture and what it should become: RGB `(H, W, 3)` and `(scale * H, scale * W, 3)`."""

    name: str
    low: Image
    high: Image


def read_pairs(high: Sequence[Path], low: Path | None, scale: int) -> Iterator[Pair]:
    """The pairs of a set, one at a time, in the order of their names.

    With `low`: every image of that folder, and its namesake in the first folder of `high` that has one. The names may
    differ by what the sets' distributions add to them: `babyx2.png` or `baby_LR_x2.png` belongs to `baby_HR.png`. The
    true image is cropped to `scale` times the small one.

    Without: every image of `high`, cropped to a multiple of `scale` and downscaled as MATLAB's `imresize` does.

    Raises:
        ConfigError: no images, an image without a namesake, or one whose true image is not `scale` times as large.
        MediaError: a file that is not an image.
    """
    yield from _matched(high, low, scale) if low is not None else _made(high, scale)


def read_set(folder: Path, scale: int) -> Iterator[Pair]:
    """The pairs of a benchmark set as a folder.

    True images are in `HR` (those that serve one scale alone in `HR_x2`, `HR_x4`), small ones in `LR_x2` or `LR_x4`;
    they are made where there are none.
    """
    low = folder / f"LR_x{scale}"
    high = [path for path in (folder / "HR", folder / f"HR_x{scale}") if path.is_dir()]
    return read_pairs(high, low if low.is_dir() else None, scale)


def _made(folders: Sequence[Path], scale: int) -> Iterator[Pair]:
    for path in [path for folder in folders for path in _files(folder)]:
        truth = read_rgb(path)
        rows, columns = (side // scale * scale for side in truth.shape[:2])
        truth = truth[:rows, :columns]
        yield Pair(path.stem, bicubic(truth, Fraction(1, scale)), truth)


def _matched(folders: Sequence[Path], low: Path, scale: int) -> Iterator[Pair]:
    truths: dict[str, Path] = {}
    for path in [path for folder in folders for path in _files(folder)]:
        truths.setdefault(_identity(path, scale), path)
    for path in _files(low):
        truth = truths.get(_identity(path, scale))
        if truth is None:
            raise ConfigError(f"{path} has no image of the same name in {', '.join(map(str, folders))}")
        small, large = read_rgb(path), read_rgb(truth)
        rows, columns = (side * scale for side in small.shape[:2])
        spare = large.shape[0] - rows, large.shape[1] - columns
        if min(spare) < 0 or max(spare) >= _SPARE_MAX:
            size, needed = f"{large.shape[1]}x{large.shape[0]}", f"{columns}x{rows}"
            raise ConfigError(f"{truth} is {size}, but {scale} times {path} is {needed}: is the scale right?")
        yield Pair(path.stem, small, large[:rows, :columns])


def _files(folder: Path) -> list[Path]:
    try:
        files = sorted(filter(may_be_picture, folder.iterdir()))
    except OSError as error:
        raise ConfigError(f"cannot look into {folder}: {error.strerror}") from error
    if not files:
        raise ConfigError(f"there are no images in {folder}")
    return files


def _identity(path: Path, scale: int) -> str:
    return re.sub(rf"(_?SRF_{scale})?(_?(HR|LR|GT|LRBI))?(_?x{scale})?$", "", path.stem, flags=re.IGNORECASE)
