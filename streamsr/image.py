"""A picture in memory through a chain."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from .chain import Chain, stream_format
from .color import Color
from .errors import MismatchError
from .frame import Frame, VideoInfo
from .graph.planes import to_planes, to_tensors
from .layout import PixelLayout, pixel_layout

Image = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_LAYOUTS = {
    (np.dtype(np.uint8), 1): "gray",
    (np.dtype(np.uint8), 3): "rgb24",
    (np.dtype(np.uint8), 4): "rgba",
    (np.dtype(np.uint16), 1): "gray16le",
    (np.dtype(np.uint16), 3): "rgb48le",
    (np.dtype(np.uint16), 4): "rgba64le",
}


def process_image(image: Image, chain: Chain) -> Image:
    """A full-range image `(H, W)`, `(H, W, 3)` RGB or `(H, W, 4)` RGBA, uint8 or uint16, through a chain.

    Raises:
        MismatchError: another shape or dtype, or an empty image.
        EngineError: no engine could be built.
    """
    layout = _layout_of(image)
    frame = Frame((image,), layout, 0, Fraction(1), color=Color(range="pc"), cut=True)
    info = VideoInfo(frame.width, frame.height, layout, frame.time_base, frame.color, still=True)
    told = chain.looks.at(0).tensors() if chain.looks else ()
    with chain.engine(stream_format(info), stream_format(chain.output_info(info)), [frame], still=True) as engine:
        engine.reset()
        outputs = engine.result(engine.submit((*to_tensors(frame.planes, layout), *told)))
    return to_planes(outputs, layout)[0]


def _layout_of(image: npt.NDArray[Any]) -> PixelLayout:
    channels = 1 if image.ndim == 2 else image.shape[-1]
    name = _LAYOUTS.get((image.dtype, channels))
    if name is None or image.ndim not in (2, 3) or (image.ndim == 3 and channels == 1) or not image.size:
        raise MismatchError(
            f"an image is (H, W), (H, W, 3) or (H, W, 4) of uint8 or uint16, got {image.shape} {image.dtype}"
        )
    return pixel_layout(name)
