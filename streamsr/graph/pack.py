"""The last step of a frame graph: code values are rounded, clamped and laid out as the encoder wants its planes."""

from __future__ import annotations

from .builder import GraphBuilder, Tensor
from .colorspace import coding
from .convert import to_rgb, to_yuv
from .picture import Picture, encoding_of
from .planes import tensor_shapes
from .resample import enlarge
from .stream import StreamFormat


def pack(b: GraphBuilder, picture: Picture, target: StreamFormat, within_cell: bool) -> None:
    """Declare the outputs `out.0`, … and write the picture to them; `target.color` is resolved.

    Rounds to nearest. Where the target has transparency and the picture has none, it is opaque; padding bytes are
    set to their largest value.
    """
    layout = target.layout
    writer = _Writer(b, target)
    if layout.family == "rgb":
        code = coding(target.color.range, layout.depth)
        rgb = to_rgb(b, picture)
        writer.put("RGB", b.affine(rgb, code.white - code.black, code.black))
    else:
        image = to_yuv(b, picture, encoding_of(layout, target.color), layout.family == "yuv", within_cell)
        writer.put("Y", image.luma)
        if image.chroma is not None:
            writer.put("UV", image.chroma)
    if layout.alpha and picture.alpha is not None:
        alpha = enlarge(b, picture.alpha.tensor, picture.alpha.scale)
        writer.put("A", b.affine(alpha, layout.peak / picture.alpha.peak, 0))
    for i, shape in enumerate(tensor_shapes(layout, target.width, target.height)):
        b.output(f"out.{i}", writer.plane(i, shape))


class _Writer:
    """Collects components as bytes, then interleaves them plane by plane."""

    def __init__(self, b: GraphBuilder, target: StreamFormat) -> None:
        self._b, self._layout = b, target.layout
        self._bytes: dict[str, list[Tensor]] = {}

    def put(self, letters: str, codes: Tensor) -> None:
        """Take components given as channels of code values."""
        b = self._b
        rounded = b.node("Round", [codes.name], codes.shape)
        limits = [b.const(0), b.const(self._layout.peak)]
        clamped = b.node("Clip", [rounded.name, *limits], codes.shape)
        self._bytes[letters] = self._split(clamped)

    def _split(self, codes: Tensor) -> list[Tensor]:
        """Whole numbers as bytes, low one first."""
        if self._layout.depth <= 8:
            return [codes]
        b = self._b
        words = b.affine(codes, 1 << self._layout.shift, 0)
        high = b.node("Floor", [b.affine(words, 1 / 256, 0).name], words.shape)
        low = b.node("Sub", [words.name, b.affine(high, 256, 0).name], words.shape)
        return [low, high]

    def plane(self, index: int, shape: tuple[int, ...]) -> Tensor:
        """One plane, cropped to its shape, `(H, W)` or `(H, W, components)` and a trailing 2 above 8 bits."""
        b, letters = self._b, self._layout.planes[index]
        parts = self._whole(letters) or [part for letter in letters for part in self._component(letter, shape)]
        size = shape[:2]
        x = b.concat([b.fit(part, *size) for part in parts], 1)
        return b.reshape(x if x.shape[1] == 1 else b.transpose(x, (0, 2, 3, 1)), shape)

    def _whole(self, letters: str) -> list[Tensor] | None:
        """The plane as it was put, when the components are single bytes in the very order of the plane."""
        parts = self._bytes.get(letters, [])
        return parts if len(parts) == 1 else None

    def _component(self, letter: str, shape: tuple[int, ...]) -> list[Tensor]:
        for letters, parts in self._bytes.items():
            if letter in letters:
                at = letters.index(letter)
                return [self._b.channels(part, at, at + 1) for part in parts]
        fill = self._layout.peak << self._layout.shift
        values = [fill] if self._layout.depth <= 8 else [fill & 255, fill >> 8]
        return [self._b.expand(value, (1, 1, *shape[:2])) for value in values]
