"""The picture of the documentation: parts of photographs by every method, beside the truth.

    python scripts/comparison.py [--output docs/images/models.png]

Photographs of scikit-image, all free: astronaut (NASA, public domain), chelsea (Stéfan van der Walt, CC0), coffee
(Rachel Michetti, CC0), rocket (SpaceX, public domain). They are halved as MATLAB's bicubic does, and enlarged as
`streamsr.upscale` does, in fp32. None was learned from. The figures are PSNR-Y over the whole photograph.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import skimage.data

import streamsr
from streamsr.assembly import EngineOptions
from streamsr.chain import Chain
from streamsr.training.degrade import bicubic, bicubic_real, mod_crop
from streamsr.training.metrics import luma, psnr, to_codes
from streamsr.zoo.catalog import names

Image = npt.NDArray[np.uint8]
Method = Callable[[Image], Image]

OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "models.png"
MODELS = ("srcnn-x2", "live-x2", "detail-x2", "detail-x2-gan")
SCALE = 2
PARTS = {"astronaut": (344, 130), "chelsea": (70, 130), "coffee": (236, 318), "rocket": (190, 26)}
"""Photograph -> top and left of the part that is shown."""
SIDE, ZOOM = 84, 3
HEAD, CAPTION, GAP = 30, 24, 4
BYTES_MOST = 1_500_000


def main() -> None:
    """Make the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    output = parser.parse_args().output
    with ExitStack() as stack:
        methods: dict[str, Method] = {"bicubic": enlarged}
        for name in MODELS:
            if name not in names():
                print(f"{name} is not in the zoo: left out", file=sys.stderr)
                continue
            chain = stack.enter_context(Chain(name, options=EngineOptions(precision="fp32")))
            methods[name] = partial(upscaled, chain=chain)
        rows = [np.hstack(list(panels(photo, corner, methods))) for photo, corner in PARTS.items()]
    picture = np.vstack([heading([*methods, "ground truth"]), *rows])
    output.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(output), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"{output}: {output.stat().st_size} bytes")
    if output.stat().st_size > BYTES_MOST:
        sys.exit(f"{output} is larger than {BYTES_MOST} bytes: show smaller parts")


def enlarged(small: Image) -> Image:
    """Bicubic, as the literature's baseline."""
    return to_codes(bicubic_real(small, SCALE))


def upscaled(small: Image, chain: Chain) -> Image:
    """By a model, as the library does it."""
    return np.asarray(streamsr.upscale(small, model=chain), np.uint8)


def panels(photo: str, corner: tuple[int, int], methods: dict[str, Method]) -> Iterator[Image]:
    """One part of a photograph by every method, then the truth, each with its figure below."""
    truth = mod_crop(getattr(skimage.data, photo)(), SCALE)
    small = bicubic(truth, Fraction(1, SCALE))
    window = tuple(slice(first, first + SIDE) for first in corner)
    for method in methods.values():
        picture = method(small)
        yield panel(picture[window], f"{psnr(luma(picture), luma(truth), SCALE):.2f} dB")
    yield panel(truth[window], photo)


def panel(part: Image, caption: str) -> Image:
    """The part enlarged without smoothing, the caption below it."""
    large = part.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)
    return _text(_framed(large, 0, CAPTION), caption, GAP + SIDE * ZOOM + CAPTION - 7, 0.5)


def heading(titles: list[str]) -> Image:
    """The methods' names, above their columns."""
    blank = np.full((0, SIDE * ZOOM, 3), 255, np.uint8)
    return np.hstack([_text(_framed(blank, HEAD - GAP, 0), title, HEAD - 10, 0.6) for title in titles])


def _framed(picture: Image, above: int, below: int) -> Image:
    rows, columns = picture.shape[:2]
    framed = np.full((GAP + above + rows + below, columns + 2 * GAP, 3), 255, np.uint8)
    framed[GAP + above : GAP + above + rows, GAP : GAP + columns] = picture
    return framed


def _text(picture: Image, text: str, baseline: int, size: float) -> Image:
    font = cv2.FONT_HERSHEY_SIMPLEX
    width = cv2.getTextSize(text, font, size, 1)[0][0]
    cv2.putText(picture, text, ((picture.shape[1] - width) // 2, baseline), font, size, (20, 20, 20), 1, cv2.LINE_AA)
    return picture


if __name__ == "__main__":
    main()
