"""Pictures to learn from, at both sizes: decoded and degraded once, then kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..media.images import IMAGE_SUFFIXES
from .clips import clip_from_image, read_clips
from .degradations import Clip, degrade
from .images import Image, at_sizes, read_rgb
from .metrics import luma
from .recipe import Recipe

CACHE_VERSION = 2
VIDEO_STRIDE = 16
"""Of so many runs of frames in a video, one is used: neighbours show the same."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One picture at both sizes: `low` is `(H, W, C)`, `high` is `(scale * H, scale * W, C)`, uint8.

    C is 1 for luma, 16..235, and 3 for RGB.
    """

    low: Image
    high: Image


def load_pairs(paths: Sequence[Path], recipe: Recipe, color: Literal["luma", "rgb"], cache: Path) -> list[Pair]:
    """All pairs the recipe makes of `paths`; they are kept in the folder `cache`, under a name made from both."""
    stored = cache / f"pairs-{_fingerprint(paths, recipe, color)}.npz"
    if not stored.exists():
        with ThreadPoolExecutor() as pool:
            made = pool.map(lambda item: list(make_pairs(item[1], recipe, color, item[0])), enumerate(paths))
            _store(stored, [pair for pairs in made for pair in pairs])
    with np.load(stored, allow_pickle=False) as arrays:
        return [Pair(arrays[f"low{i}"], arrays[f"high{i}"]) for i in range(len(arrays.files) // 2)]


def make_pairs(path: Path, recipe: Recipe, color: Literal["luma", "rgb"], index: int = 0) -> Iterator[Pair]:
    """The pairs of one image or video: every size, every variant. `index` sets apart what is random."""
    rng = np.random.default_rng((recipe.run.seed, index))
    pieces, scale = recipe.degradations, recipe.scale
    for clip in _clips(path, recipe, rng):
        rows, columns = (side // scale for side in clip.shape[1:3])
        clip = clip[:, : rows * scale, : columns * scale]  # noqa: PLW2901  # the part that has a low-resolution pixel
        shown = int(rng.integers(1, len(clip))) if len(clip) > 1 else 0  # the first frame of a stream is like no other
        low, high = degrade(clip, pieces, rng)[shown], clip[shown]
        if low.shape[:2] != (rows, columns):
            sizes = f"{clip.shape[2]}x{clip.shape[1]} into {low.shape[1]}x{low.shape[0]}"
            raise ConfigError(f"the degradations make {sizes}, which is not 1/{scale}: end with resize_to or bicubic")
        yield Pair(_colored(low, color), _colored(high, color))


def _clips(path: Path, recipe: Recipe, rng: np.random.Generator) -> Iterator[Clip]:
    frames, data = recipe.data.frames, recipe.data
    if path.suffix.lower() in IMAGE_SUFFIXES:
        for image in at_sizes(read_rgb(path), data.sizes):
            for _ in range(data.variants):
                yield clip_from_image(image, frames, rng)
        return
    for clip in read_clips(path, frames, frames * VIDEO_STRIDE):
        for _ in range(data.variants):
            yield clip


def _colored(rgb: Image, color: Literal["luma", "rgb"]) -> Image:
    return luma(rgb)[..., None] if color == "luma" else np.ascontiguousarray(rgb)


def _fingerprint(paths: Sequence[Path], recipe: Recipe, color: str) -> str:
    data = {key: value for key, value in asdict(recipe.data).items() if key in ("sizes", "variants", "frames")}
    files = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    facts = (CACHE_VERSION, color, recipe.scale, recipe.run.seed, data, recipe.degrade, files)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _store(path: Path, pairs: list[Pair]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, npt.NDArray[np.uint8]] = {}
    for index, pair in enumerate(pairs):
        arrays |= {f"low{index}": pair.low, f"high{index}": pair.high}
    temporary = path.with_suffix(".part.npz")
    np.savez(temporary, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its own options
    temporary.replace(path)
