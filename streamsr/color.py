"""Colour as a stream declares it, by FFmpeg's names; and the HDR metadata that travels beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from .layout import PixelLayout

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Color:
    """Five tags of a stream (ITU-T H.273), as `ffprobe` prints them; `unknown` where the stream says nothing."""

    matrix: str = UNKNOWN
    """`color_space`: bt709, smpte170m, bt470bg, bt2020nc, gbr, …"""
    range: str = UNKNOWN
    """`color_range`: tv (limited, 16..235) or pc (full)."""
    primaries: str = UNKNOWN
    """`color_primaries`: bt709, bt2020, smpte170m, …"""
    transfer: str = UNKNOWN
    """`color_transfer`: bt709, smpte2084 (PQ), arib-std-b67 (HLG), iec61966-2-1 (sRGB), …"""
    siting: str = UNKNOWN
    """`chroma_location`: left, center, topleft, top, bottomleft, bottom."""

    def resolved(self, layout: PixelLayout, height: int) -> Color:
        """The same with matrix, range and siting filled in the way players do, for computing with.

        An unknown matrix is BT.601 up to 576 rows and BT.709 above; an unknown range is limited for YUV and full
        for RGB and gray; chroma of unknown siting is `left` (MPEG-2, H.264, HEVC). Primaries and transfer stay.
        """
        matrix, range_, siting = self.matrix, self.range, self.siting
        if layout.family == "rgb":
            matrix = "gbr"
        elif matrix in (UNKNOWN, "gbr", "reserved"):
            matrix = "smpte170m" if height <= 576 else "bt709"
        if range_ == UNKNOWN:
            range_ = "tv" if layout.family == "yuv" else "pc"
        if siting == UNKNOWN:
            siting = "left"
        return replace(self, matrix=matrix, range=range_, siting=siting)


@dataclass(frozen=True, slots=True)
class MasteringDisplay:
    """SMPTE ST 2086: the display an HDR film was graded on. Chromaticities are CIE 1931 x, y; luminance in cd/m²."""

    red: tuple[Fraction, Fraction]
    green: tuple[Fraction, Fraction]
    blue: tuple[Fraction, Fraction]
    white: tuple[Fraction, Fraction]
    min_luminance: Fraction
    max_luminance: Fraction


@dataclass(frozen=True, slots=True)
class ContentLight:
    """CTA-861.3: the brightest pixel and the brightest frame average of the film, in cd/m²."""

    max_cll: int
    max_fall: int
