"""HDR10 metadata as encoders take it: each library has its own spelling of the same ten numbers."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from ..color import ContentLight, MasteringDisplay

Spelling = Callable[[MasteringDisplay | None, ContentLight | None], list[str]]

_CHROMATICITY_STEP = Fraction(1, 50000)
_LUMINANCE_STEP = Fraction(1, 10000)


def hdr_params(codec: str, mastering: MasteringDisplay | None, light: ContentLight | None) -> list[str] | None:
    """Parameters that make `codec` write the metadata into its stream; None for a codec that has none for it.

    The units are those of SMPTE ST 2086 as H.264, H.265 (D.3.28, D.3.35) and AV1 (6.7.3, 6.7.4) carry them: 0.00002
    for chromaticities, 0.0001 cd/m² for luminance.
    """
    spelling = _SPELLINGS.get(codec)
    return spelling(mastering, light) if spelling is not None else None


def _x26x(display_key: str, light_key: str) -> Spelling:
    def spell(mastering: MasteringDisplay | None, light: ContentLight | None) -> list[str]:
        params = []
        if mastering is not None:
            points = zip("GBRW", _points(mastering), strict=True)
            steps = [f"{name}{'P' if name == 'W' else ''}({_steps(x)},{_steps(y)})" for name, (x, y) in points]
            low, high = (round(v / _LUMINANCE_STEP) for v in (mastering.min_luminance, mastering.max_luminance))
            params.append(f"{display_key}={''.join(steps)}L({high},{low})")
        if light is not None:
            params.append(f"{light_key}={light.max_cll},{light.max_fall}")
        return params

    return spell


def _svtav1(mastering: MasteringDisplay | None, light: ContentLight | None) -> list[str]:
    params = []
    if mastering is not None:
        points = zip("GBRW", _points(mastering), strict=True)
        decimals = [f"{name}{'P' if name == 'W' else ''}({float(x):.6f},{float(y):.6f})" for name, (x, y) in points]
        low, high = float(mastering.min_luminance), float(mastering.max_luminance)
        params.append(f"mastering-display={''.join(decimals)}L({high:.4f},{low:.4f})")
    if light is not None:
        params.append(f"content-light={light.max_cll},{light.max_fall}")
    return params


def _points(mastering: MasteringDisplay) -> tuple[tuple[Fraction, Fraction], ...]:
    return mastering.green, mastering.blue, mastering.red, mastering.white


def _steps(chromaticity: Fraction) -> int:
    return round(chromaticity / _CHROMATICITY_STEP)


_SPELLINGS: dict[str, Spelling] = {
    "libx264": _x26x("mastering-display", "cll"),
    "libx265": _x26x("master-display", "max-cll"),
    "libsvtav1": _svtav1,
}
