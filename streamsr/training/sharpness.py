"""How sharp a picture is, and how restless a clip, in numbers that need no network. numpy only.

Sharpness alone can be bought with noise or ringing: read it beside a distance to the truth
(`perceptual.feature_distance`). A generator that invents the right detail has a ratio near 1 and the smaller distance;
one that blurs has a ratio below 1, one that adds noise a ratio above 1 and the larger distance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]


def gradient_energy(image: Numbers) -> float:
    """Mean of dx^2 + dy^2 over an `(H, W)` image, in squared units of the image: the squared-gradient focus measure.

    dx and dy are differences of neighbouring pixels, taken where both exist (Subbarao et al., Optical Engineering,
    1993). H, W >= 2.
    """
    pixels = np.asarray(image, np.float64)
    right, down = np.diff(pixels, axis=1)[:-1], np.diff(pixels, axis=0)[:, :-1]
    return float(np.mean(right**2 + down**2))


def detail_energy(image: Numbers, scale: int) -> float:
    """Variance of an `(H, W)` image in the frequencies that its low-resolution version cannot carry.

    Those above 0.5 / scale cycles per pixel along either axis: everything there an upscaler has invented, so this is
    the figure that tells a sharp one from a blurred one. In squared units of the image; a Hann window keeps the
    borders, which do not match up, from posing as detail.
    """
    pixels = np.asarray(image, np.float64)
    window = np.outer(*(np.hanning(side + 2)[1:-1] for side in pixels.shape))
    power = np.abs(np.fft.fft2((pixels - pixels.mean()) * window, norm="ortho")) ** 2
    above = [np.abs(np.fft.fftfreq(side)) > 0.5 / scale for side in pixels.shape]
    return float(power[above[0][:, None] | above[1][None, :]].sum() / (window**2).sum())


def gradient_ratio(image: Numbers, truth: Numbers) -> float:
    """`gradient_energy` in units of the (not flat) truth's: 1 is as sharp, less is blurred, more is noise or halos."""
    return gradient_energy(image) / gradient_energy(truth)


def detail_ratio(image: Numbers, truth: Numbers, scale: int) -> float:
    """`detail_energy` in units of the (not flat) truth's: the share of the lost frequencies' energy that is back."""
    return detail_energy(image, scale) / detail_energy(truth, scale)


def temporal_noise(frames: Numbers) -> float:
    """Mean over the pixels of the standard deviation over time, of the `(T, H, W)` frames of a still scene.

    In units of the frames (code values for uint8 luma). What moves there is what the camera, the codec and the
    generator made up: the boiling of a generator is its figure in units of another's on the same clip.
    """
    return float(np.mean(np.std(np.asarray(frames, np.float64), axis=0)))
