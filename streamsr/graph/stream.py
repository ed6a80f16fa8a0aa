"""What a frame graph must know of the pictures it reads and writes."""

from __future__ import annotations

from dataclasses import dataclass

from ..color import Color
from ..layout import PixelLayout


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """Size, pixel layout and colour of one stream of pictures."""

    width: int
    height: int
    layout: PixelLayout
    color: Color

    def __str__(self) -> str:
        return f"{self.width}x{self.height} {self.layout}"
