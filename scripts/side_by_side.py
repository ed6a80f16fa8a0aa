"""One picture of the documentation: photographs, and what models of your own make of them.

    python scripts/side_by_side.py docs/images/photo2painting.jpg a-to-b.onnx a-to-b.onnx+b-to-a.onnx
    python scripts/side_by_side.py docs/images/style_gan.jpg style-live@the_scream style-gan.onnx@the_scream

A column for each: a model of the zoo or a file, or several in a row, and the style that the stylizer among them paints.
The photographs are those of `styles_sheet.py`, in fp32.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from styles_sheet import PHOTOS, QUALITY, Image, cut, shown

import streamsr
from streamsr.analysis.sheet import contact_sheet
from streamsr.assembly import EngineOptions
from streamsr.chain import Chain
from streamsr.look import StyleOptions


def main() -> None:
    """Make the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("columns", nargs="+", metavar="MODEL[+MODEL][@STYLE]")
    options = parser.parse_args()
    rows = [contact_sheet(dict(row(name, options.columns)), 1 + len(options.columns)) for name in PHOTOS]
    cv2.imwrite(str(options.output), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    print(options.output)


def row(name: str, columns: Sequence[str]) -> Iterator[tuple[str, Image]]:
    """A photograph as it is and after each of the models, as large as it is shown, with what to call them."""
    photo = cut(getattr(skimage.data, name)())
    yield name, shown(photo)
    for column in columns:
        models, _, style = column.partition("@")
        options = EngineOptions(precision="fp32", cache=False)
        with Chain(*models.split("+"), options=options, style=StyleOptions(style)) as chain:
            yield column.replace(".onnx", ""), shown(np.asarray(streamsr.stylize(photo, model=chain), np.uint8))


if __name__ == "__main__":
    main()
