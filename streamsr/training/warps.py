"""Movement made up: from a picture to what a camera would see a moment later."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

Field = npt.NDArray[np.float32]
"""Where each pixel comes from, as a distance in pixels: `(H, W, 2)`, right and down."""

WAVES = 4
"""Knots of the smooth field along each side."""


@dataclass(frozen=True, slots=True)
class Movement:
    """How far things move at most, from one picture to the next."""

    shift: float = 8.0
    """Pixels."""
    turn: float = 2.0
    """Degrees."""
    zoom: float = 0.03
    """Share of the size."""
    bend: float = 1.5
    """Pixels by which parts move on their own, standard deviation."""

    def draw(self, side: int, rng: np.random.Generator) -> Field:
        """A turn, a zoom and a shift about the middle, and a smooth field on top."""
        angle, scale = np.deg2rad(rng.uniform(-self.turn, self.turn)), 1 + rng.uniform(-self.zoom, self.zoom)
        turned = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        from_middle = _places(side) - (side - 1) / 2
        affine = from_middle @ (turned - np.eye(2)).T + rng.uniform(-self.shift, self.shift, 2)
        knots = rng.normal(0, self.bend, (WAVES, WAVES, 2))
        return np.asarray(affine + cv2.resize(knots, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)


def nudge(side: int, rng: np.random.Generator) -> Field:
    """The whole picture moved by up to a pixel each way: what a strided network takes worst."""
    return np.broadcast_to(rng.uniform(-1, 1, 2), (side, side, 2)).astype(np.float32)


def rest(side: int) -> Field:
    """No movement."""
    return np.zeros((side, side, 2), np.float32)


def warp(image: Tensor, field: Tensor) -> Tensor:
    """`(N, C, H, W)` sampled at every pixel's place plus `field` `(N, H, W, 2)`, bicubically; the border is reflected.

    Whole pixels are moved exactly (up to rounding in float32).
    """
    return F.grid_sample(image, _grid(field), mode="bicubic", padding_mode="reflection", align_corners=False)


def valid(field: Tensor, margin: float = 4.0) -> Tensor:
    """Which pixels come from inside the picture, `margin` pixels or more from its border: `(N, 1, H, W)` of 0 and 1.

    A network sees less around what is nearer, and what it makes there is another thing after a movement.
    """
    height, width = field.shape[1:3]
    size = field.new_tensor([width, height])
    places = _centres(field) + field
    inside = (places >= margin) & (places <= size - 1 - margin)
    return inside.all(-1)[:, None].to(field.dtype)


def _grid(field: Tensor) -> Tensor:
    """Places as `grid_sample` counts them: -1 is the left edge of the first pixel, 1 the right edge of the last."""
    height, width = field.shape[1:3]
    return (2 * (_centres(field) + field) + 1) / field.new_tensor([width, height]) - 1


def _centres(field: Tensor) -> Tensor:
    height, width = field.shape[1:3]
    rows, columns = (torch.arange(length, device=field.device, dtype=field.dtype) for length in (height, width))
    return torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)


def _places(side: int) -> npt.NDArray[np.float64]:
    axis = np.arange(side, dtype=np.float64)
    return np.stack(np.meshgrid(axis, axis, indexing="xy"), -1)
