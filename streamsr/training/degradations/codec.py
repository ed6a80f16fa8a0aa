"""Video compression: what nearly all footage that is worth upscaling has been through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from ...errors import ConfigError
from ...media.codec_roundtrip import CodedClip, Compression, code_clip
from .base import Clip, Degradation, Span, check_span

Encoder = Literal["libx264", "libx265", "libvpx-vp9"]
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"]
Matrix = Literal["smpte170m", "bt709"]

_CRF: dict[Encoder, tuple[float, float]] = {"libx264": (1.0, 0.0), "libx265": (1.0, 4.0), "libvpx-vp9": (1.75, 1.0)}
"""Slope and offset from x264's crf to the one that gives about the same PSNR-Y (measured on panned photographs)."""
_VP9_CRF_MAX = 63.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Codec(Degradation):
    """Encode the clip with a random encoder, quality and preset, 8-bit 4:2:0, and decode it.

    The first frame becomes a key frame and every other one is predicted, as most frames of a stream are: take one of
    those. (A codec among the degradations: RealBasicVSR, Chan et al., CVPR 2022.)

    An encoder treats the end of a video differently: it makes no B frame of it and, because nothing refers to it,
    spends fewer bits: 0.9 dB less than amid a film, measured with x264 on pans and real clips. So some frames more are
    encoded behind it and dropped, the clip played backwards: the last frame is a B frame then, within 0.4 dB.
    """

    encoders: tuple[Encoder, ...] = ("libx264",)
    """One of them is drawn."""
    crf: Span = (18.0, 35.0)
    """Constant quality in x264's scale; for the other encoders, the value of about the same PSNR."""
    presets: tuple[Preset, ...] = ("veryfast", "fast", "medium", "slow")
    """One of them is drawn for x264 and x265; VP9 has one speed."""
    matrices: tuple[Matrix, ...] = ("smpte170m",)
    """Colour matrix of the YUV in between, one of them is drawn; with `smpte170m` (BT.601) the coded luma is the one
    that is measured."""
    tail: int = 3
    """Frames encoded behind the clip; a clip of T frames can give T - 1."""

    def _check(self) -> None:
        check_span(0, 51, crf=self.crf)
        if not (self.encoders and self.presets and self.matrices):
            raise ConfigError("encoders, presets and matrices must name at least one each")
        if self.tail < 0:
            raise ConfigError(f"tail is {self.tail}, it must be 0 or more")
        for encoder in self.encoders:
            for preset in self.presets:
                self._compression(encoder, self.crf[1], preset, self.matrices[0])

    def _apply(self, clip: Clip, rng: np.random.Generator) -> Clip:
        return self.coded(clip, rng).frames[: len(clip)]

    def coded(self, clip: Clip, rng: np.random.Generator) -> CodedClip:
        """The clip and its tail with all that is known of them: decoded luma, frame types, bytes.

        Raises:
            EncodeError: the encoder refuses the clip.
        """
        crf, preset = float(rng.uniform(*self.crf)), _one_of(self.presets, rng)
        compression = self._compression(_one_of(self.encoders, rng), crf, preset, _one_of(self.matrices, rng))
        return code_clip(np.concatenate([clip, clip[-2::-1][: self.tail]]), compression)

    @staticmethod
    def _compression(encoder: Encoder, crf: float, preset: Preset, matrix: Matrix) -> Compression:
        slope, offset = _CRF[encoder]
        if encoder == "libvpx-vp9":
            return Compression(encoder, round(min(slope * crf + offset, _VP9_CRF_MAX)), None, matrix)
        return Compression(encoder, min(crf + offset, 51.0), preset, matrix)


def _one_of(choices: tuple[T, ...], rng: np.random.Generator) -> T:
    return choices[int(rng.integers(len(choices)))]
