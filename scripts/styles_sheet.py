"""The pictures of the documentation: photographs in every bundled style, and the first of them alone.

    python scripts/styles_sheet.py [--model style-live] [--output docs/images]

Photographs of scikit-image, all free: astronaut (NASA, public domain), chelsea (Stéfan van der Walt, CC0), coffee
(Rachel Michetti, CC0), rocket (SpaceX, public domain). They are painted at 360 lines, as `streamsr.stylize` does in
fp32. None was learned from.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import skimage.data

import streamsr
from streamsr.analysis.sheet import contact_sheet
from streamsr.graph.model import load_model
from streamsr.zoo.catalog import STYLIZER, resolve

Image = npt.NDArray[np.uint8]

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
PAINTED, SHOWN = (360, 480), (270, 360)
"""Height and width of a picture, and of what is shown of it."""
COLUMNS, QUALITY = 5, 88


def main() -> None:
    """Make the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=STYLIZER)
    parser.add_argument("--output", type=Path, default=IMAGES)
    options = parser.parse_args()
    sheets = [contact_sheet(dict(painted(name, options.model)), COLUMNS) for name in PHOTOS]
    for name, sheet in (("styles.jpg", np.vstack(sheets)), ("stylized.jpg", sheets[0])):
        cv2.imwrite(str(options.output / name), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        print(options.output / name)


def painted(name: str, model: str) -> Iterator[tuple[str, Image]]:
    """A photograph as it is and in every style, as large as it is shown."""
    photo = cut(getattr(skimage.data, name)())
    yield name, shown(photo)
    for style in load_model(resolve(model).path).spec.conditioning:
        yield style, shown(np.asarray(streamsr.stylize(photo, model=model, style=style, precision="fp32"), np.uint8))


def cut(photo: Image) -> Image:
    """The middle of a photograph, resized to `PAINTED`."""
    height, width = photo.shape[:2]
    wanted = PAINTED[1] / PAINTED[0]
    rows, columns = min(height, round(width / wanted)), min(width, round(height * wanted))
    top, left = (height - rows) // 4, (width - columns) // 2  # what matters is above the middle
    return resized(photo[top : top + rows, left : left + columns], PAINTED)


def shown(picture: Image) -> Image:
    """A picture at its size in the sheet."""
    return resized(picture, SHOWN)


def resized(picture: Image, size: tuple[int, int]) -> Image:
    """To height and width."""
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


if __name__ == "__main__":
    main()
