"""The first step of a frame graph: planes as they were decoded become float planes of code values."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from onnx import TensorProto

from .builder import Floats, GraphBuilder, Shape, Tensor
from .colorspace import coding
from .picture import Alpha, Picture, Rgb, Yuv, encoding_of
from .planes import tensor_shapes
from .stream import StreamFormat


def unpack(b: GraphBuilder, source: StreamFormat, alpha: bool) -> Picture:
    """Declare the inputs `plane.0`, … and read the picture from them; `source.color` is resolved."""
    layout = source.layout
    shapes = tensor_shapes(layout, source.width, source.height)
    reader = _Reader(b, source, [_plane(b, i, shape) for i, shape in enumerate(shapes)])
    image: Yuv | Rgb
    if layout.family == "rgb":
        code = coding(source.color.range, layout.depth)
        levels = b.affine(reader.read("RGB"), 1, -code.black)
        image = Rgb(b.affine(levels, 1 / (code.white - code.black), 0))
    else:
        chroma = reader.read("UV") if layout.family == "yuv" else None
        image = Yuv(reader.read("Y"), chroma, encoding_of(layout, source.color))
    transparency = Alpha(reader.read("A"), layout.peak) if alpha and layout.alpha else None
    return Picture(image, transparency, source.width, source.height)


def _plane(b: GraphBuilder, index: int, shape: Shape) -> Tensor:
    """A plane as float; the cast comes first, as TensorRT takes uint8 for nothing else."""
    return b.cast(b.input(f"plane.{index}", shape), TensorProto.FLOAT)


class _Reader:
    """Picks components out of planes.

    Interleaved components and the bytes of a sample are separated by a convolution one row high whose stride is the
    number of bytes per pixel: exact in float32, and the same for every layout.
    """

    def __init__(self, b: GraphBuilder, source: StreamFormat, planes: list[Tensor]) -> None:
        self._b, self._layout, self._planes = b, source.layout, planes

    def read(self, letters: str) -> Tensor:
        """Components as channels `(1, len(letters), H, W)` of code values."""
        owners = [self._owner(letter) for letter in letters]
        rows = [self._as_rows(plane) for plane, _ in groupby(owners)]
        x = self._b.concat(rows, 1)
        step = x.shape[3] // self._planes[owners[0]].shape[1]
        return x if step == 1 else self._b.conv(x, self._selector(letters, owners, step), stride=(1, step))

    def _owner(self, letter: str) -> int:
        return next(i for i, plane in enumerate(self._layout.planes) if letter in plane)

    def _as_rows(self, index: int) -> Tensor:
        plane = self._planes[index]
        return self._b.reshape(plane, (1, 1, plane.shape[0], int(np.prod(plane.shape[1:]))))

    def _selector(self, letters: str, owners: list[int], step: int) -> Floats:
        """Weights `(components, planes, 1, bytes per pixel)`: low byte + 256 * high byte, without the padding bits."""
        sample = np.array([1.0] if self._layout.depth <= 8 else [1.0, 256.0]) / (1 << self._layout.shift)
        order = list(dict.fromkeys(owners))
        weight = np.zeros((len(letters), len(order), 1, step))
        for k, (letter, owner) in enumerate(zip(letters, owners, strict=True)):
            at = self._layout.planes[owner].index(letter) * len(sample)
            weight[k, order.index(owner), 0, at : at + len(sample)] = sample
        return weight
