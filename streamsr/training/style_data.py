"""Photographs and artworks for a style run, read and brought to the sizes of the recipe."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError, OpenError
from .images import Image, read_rgb
from .style_recipe import ArtSection


def read_photos(paths: Sequence[Path], heights: Sequence[int]) -> list[Image]:
    """Every photograph at each of the heights that is not more than its own; as it is if all are."""
    with ThreadPoolExecutor() as pool:
        return list(chain.from_iterable(pool.map(lambda path: at_heights(read_rgb(path), heights), paths)))


def at_heights(rgb: Image, heights: Sequence[int]) -> list[Image]:
    """`(H, W, 3)` uint8, shrunk to each of the heights that is not more than H; as it is if all are."""
    factors = [height / rgb.shape[0] for height in heights if height <= rgb.shape[0]]
    return [resized(rgb, factor) for factor in factors] or [rgb]


def read_artworks(folder: Path, section: ArtSection) -> list[Tensor]:
    """The artworks in the order of the styles, `(1, 3, H, W)` in [0, 1], as large as the recipe wants their strokes.

    Raises:
        ConfigError: a file that is not there.
    """
    return [_artwork(folder / file, name, section) for name, file in section.files.items()]


def _artwork(path: Path, name: str, section: ArtSection) -> Tensor:
    try:
        rgb = read_rgb(path)
    except OpenError as error:
        raise ConfigError(f"there is no artwork {path} for style {name!r}; name its folder with --art") from error
    return to_tensor(resized(rgb, section.size * section.strokes.get(name, 1.0) / min(rgb.shape[:2])))


def resized(rgb: Image, factor: float) -> Image:
    """`(H, W, 3)` uint8 at `factor` of its size: averaged when that is smaller, bicubic when it is larger."""
    height, width = (max(1, round(side * factor)) for side in rgb.shape[:2])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=method), np.uint8)


def within(rgb: Image, side: int) -> Image:
    """`(H, W, 3)` uint8, shrunk so that the longer side has at most `side` pixels."""
    longer = max(rgb.shape[:2])
    return resized(rgb, side / longer) if longer > side else rgb


def to_tensor(rgb: Image) -> Tensor:
    """`(H, W, 3)` uint8 as `(1, 3, H, W)` float32 in [0, 1]."""
    return torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float() / 255


def to_image(picture: Tensor) -> Image:
    """`(1, 3, H, W)` in [0, 1] as `(H, W, 3)` uint8, rounded."""
    codes = (picture[0].float() * 255).round().clamp(0, 255).to("cpu", torch.uint8)
    return np.asarray(codes.permute(1, 2, 0).numpy(), np.uint8)
