"""Calibration images: patches of pictures of the kind a model will see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamsr.errors import ConfigError
from streamsr.graph.model import Model, dims, image_input
from streamsr.training.degrade import bicubic, mod_crop
from streamsr.training.images import read_rgb
from streamsr.training.metrics import luma

Floats = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

EVERY_IMAGE = tuple(f"**/*.{suffix}" for suffix in ("png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff"))
PATCHES = 128
_SIDE = 128


def calibration_images(
    paths: Sequence[Path], model: Model, patches: int = PATCHES, *, shrink: bool = True
) -> list[Floats]:
    """Patches of images, as the model's inputs: float32 `(1, C, h, w)` in [0, 1], the same for the same arguments.

    Args:
        paths: image files; where there are more than `patches`, evenly chosen ones are read.
        model: whose colour, scale and granularity the patches have.
        patches: how many, at least one of each image that is read.
        shrink: downscale the images by the model's scale first, as for training, rather than take them as they are.

    Raises:
        ConfigError: the images are smaller than the model's inputs can be.
        MediaError: a file that is not an image.
    """
    rng = np.random.default_rng(0)
    chosen = [paths[index] for index in np.linspace(0, len(paths) - 1, min(patches, len(paths))).astype(int)]
    found: list[Floats] = []
    for done, path in enumerate(chosen):
        due = -(-(patches - len(found)) // (len(chosen) - done))
        found += islice(_patches(_inputs(read_rgb(path), model, shrink), model, rng), due)
    if not found:
        raise ConfigError(f"every image is smaller than what {model.spec.name} takes; use larger ones")
    return found


def _inputs(image: Image, model: Model, shrink: bool) -> Image:
    """A picture as the model takes it, `(H, W, C)`."""
    scale = model.spec.scale if shrink else 1
    small = bicubic(mod_crop(image, scale), Fraction(1, scale)) if scale > 1 else image
    return luma(small)[..., None] if model.spec.color == "luma" else small


def _patches(image: Image, model: Model, rng: np.random.Generator) -> Iterator[Floats]:
    """Patches without end; none of a picture that is too small."""
    given = dims(image_input(model.proto.graph, model.spec))[2:]
    multiple = model.spec.multiple_of
    rows, columns = (
        fixed or min(_SIDE, side) // multiple * multiple for fixed, side in zip(given, image.shape[:2], strict=True)
    )
    spare = image.shape[0] - rows, image.shape[1] - columns
    while min(rows, columns) > 0 and min(spare) >= 0:
        y, x = (int(rng.integers(room + 1)) for room in spare)
        patch = image[y : y + rows, x : x + columns].transpose(2, 0, 1)[None]
        yield np.ascontiguousarray(patch, np.float32) / np.float32(255)
