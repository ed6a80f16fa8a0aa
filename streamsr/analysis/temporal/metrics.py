"""What two pictures differ by: the pieces that the figures of a video are made of. Pictures are RGB uint8."""

from __future__ import annotations

import math

import cv2
import numpy as np

from ..motion import Reals, warp
from .steps import Motion, Rgb


def warp_error(first: Rgb, second: Rgb, motion: Motion) -> float:
    """E_warp of one pair (Lai et al., "Learning blind video temporal consistency", ECCV 2018).

    The mean of (V_t - warped V_{t+1})^2, values in [0, 1], over the pixels that both frames show and over the three
    channels: sum M d^2 / sum M as in the authors' evaluation, without a root. 0 where no pixel is in both.
    """
    kept = _mean_square(moved(first, second, motion))[motion.kept]
    return float(kept.mean(dtype=np.float64)) if kept.size else 0.0


def moved(first: Rgb, second: Rgb, motion: Motion) -> Reals:
    """The first picture less the second one seen from it: `(H, W, 3)` in [-1, 1]; what moved along is 0."""
    return _real(first) - warp(_real(second), motion.there)


def detail(picture: Rgb) -> float:
    """How sharp a picture is: the mean of |Laplacian(Y)|, Y in [0, 1] by BT.601, 4 neighbours."""
    luma = cv2.cvtColor(_real(picture), cv2.COLOR_RGB2GRAY)
    return float(np.abs(cv2.Laplacian(luma, cv2.CV_32F)).mean(dtype=np.float64))


def squared_errors(picture: Rgb, truth: Rgb) -> Reals:
    """(picture - truth)^2 of every pixel, values in [0, 1], mean of the channels: `(H, W)`."""
    return _mean_square(_real(picture) - _real(truth))


def decibels(squared_error: float) -> float:
    """PSNR of a mean squared error of values in [0, 1]; infinite for 0."""
    return -10 * math.log10(squared_error) if squared_error else math.inf


def _mean_square(difference: Reals) -> Reals:
    return np.asarray(np.square(difference) @ np.full(3, 1 / 3, np.float32))


def _real(picture: Rgb) -> Reals:
    return picture.astype(np.float32) / np.float32(255)
