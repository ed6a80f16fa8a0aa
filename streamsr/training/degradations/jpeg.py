"""JPEG: what happens to stills, and to every frame of cheap cameras."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .base import Clip, Degradation, check_span


@dataclass(frozen=True, slots=True)
class Jpeg(Degradation):
    """Encode every frame as a baseline 4:2:0 JPEG of one random quality, and decode it.

    Defaults: Real-ESRGAN's (Wang et al., ICCVW 2021).
    """

    quality: tuple[int, int] = (30, 95)
    """Smallest and largest quality of libjpeg's scale, 1..100."""

    def _check(self) -> None:
        check_span(1, 100, quality=self.quality)

    def _apply(self, clip: Clip, rng: np.random.Generator) -> Clip:
        quality = int(rng.integers(*self.quality, endpoint=True))
        return np.stack([_coded(frame, quality) for frame in clip])


def _coded(frame: Clip, quality: int) -> Clip:
    bgr = np.ascontiguousarray(frame[..., ::-1])
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
