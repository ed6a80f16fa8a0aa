"""What part of a source to read, and how."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..errors import ConfigError
from .hwaccel import NONE, check_hwaccel


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a source. Times are seconds from the beginning of the file.

    Raises:
        ConfigError: a negative time, an empty part, a count below one, or an unknown `hwaccel`.
    """

    deinterlace: bool = True
    """Make frames progressive that the stream calls interlaced (bwdif, one frame out per frame in)."""
    start: Fraction | None = None
    """Leave out the frames shown before this time."""
    end: Fraction | None = None
    """Leave out the frames shown from this time on."""
    frames: int | None = None
    """Stop after this many frames."""
    threads: int = 0
    """Decoder threads; 0 lets FFmpeg choose."""
    hwaccel: str = NONE
    """Where videos are decoded: `none` is the CPU, `cuda` (`cuda:1`) an NVIDIA GPU, `auto` a GPU if there is one."""
    resident: bool = False
    """Whether frames may stay on a GPU that `hwaccel` names, for those who take them there (`DevicePlanes`)."""
    frame_rate: Fraction = Fraction(25)
    """Frames per second of numbered images, and of streams that tell no time at all."""

    def __post_init__(self) -> None:
        start = self.start or Fraction(0)
        if start < 0 or (self.end is not None and self.end <= start):
            until = "the end" if self.end is None else f"{float(self.end):g} s"
            raise ConfigError(f"there is nothing between {float(start):g} s and {until}")
        check_hwaccel(self.hwaccel)
        if self.frames is not None and self.frames < 1:
            raise ConfigError(f"frames is {self.frames}, it must be at least 1")
        if self.threads < 0:
            raise ConfigError(f"threads is {self.threads}, it must be 0 (automatic) or more")
        if self.frame_rate <= 0:
            raise ConfigError(f"frame_rate is {self.frame_rate}, it must be positive")
