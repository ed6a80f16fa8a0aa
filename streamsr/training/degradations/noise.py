"""Noise of sensors: independent of the picture (Gaussian) or growing with the light (Poisson)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..metrics import luma_real, to_codes
from .base import Clip, Degradation, Span, check_shares, check_span


@dataclass(frozen=True, slots=True)
class Noise(Degradation):
    """Add Gaussian or Poisson noise; its kind and strength are drawn once, its values anew for every frame.

    Defaults: the first of Real-ESRGAN's two rounds (Wang et al., ICCVW 2021); its second has `sigma` 1 to 25 and
    `strength` 0.05 to 2.5.
    """

    poisson: float = 0.5
    """Probability of Poisson noise instead of Gaussian."""
    sigma: Span = (1.0, 30.0)
    """Standard deviation of Gaussian noise in steps of 8 bits."""
    strength: Span = (0.05, 3.0)
    """What Poisson noise is multiplied by; at 1, a code value `v` has a standard deviation of `sqrt(v)`."""
    gray: float = 0.4
    """Probability of the same noise in R, G and B."""

    def _check(self) -> None:
        check_shares(poisson=self.poisson)
        check_shares(gray=self.gray)
        check_span(0, 255, sigma=self.sigma, strength=self.strength)

    def _apply(self, clip: Clip, rng: np.random.Generator) -> Clip:
        kind = self._poisson if rng.random() < self.poisson else self._gaussian
        return to_codes(clip + kind(clip, bool(rng.random() < self.gray), rng))

    def _gaussian(self, clip: Clip, gray: bool, rng: np.random.Generator) -> npt.NDArray[np.floating]:
        shape = (*clip.shape[:3], 1) if gray else clip.shape
        return rng.standard_normal(shape, np.float32) * np.float32(rng.uniform(*self.sigma))

    def _poisson(self, clip: Clip, gray: bool, rng: np.random.Generator) -> npt.NDArray[np.floating]:
        photons = _gray(clip) if gray else clip
        return (rng.poisson(photons) - photons) * rng.uniform(*self.strength)


def _gray(clip: Clip) -> npt.NDArray[np.float64]:
    """Full-range luma 0..255, `(T, H, W, 1)`."""
    return ((luma_real(clip) - 16) * (255 / 219))[..., None]
