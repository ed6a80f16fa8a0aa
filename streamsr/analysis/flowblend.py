"""Flowblend on the host: styled pictures hold still, plane by plane, between two engines or after one.

The formula is in `blending`; the frame graph has it too (`graph/temporal.py`), where one engine does everything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from ..blending import (
    CONTRAST,
    CUT,
    CUT_STEEPNESS,
    GAIN_MAX,
    NOISE,
    SENSITIVITY,
    STRENGTH,
    VARIANCE_MIN,
    flow_division,
)
from ..errors import ConfigError, MismatchError, UnsupportedFormatError
from ..frame import Plane
from ..layout import PixelLayout
from .flow import BORDER, FlowPlanes, Reals, box, enlarged, followed, lucas_kanade, shrunk
from .luma import Luma


@dataclass(frozen=True, slots=True)
class _Past:
    """What is remembered of a frame."""

    luma: Reals
    """Of the input, at the flow's size, in [0, 1]."""
    planes: tuple[Reals, ...]
    """The result, not rounded: what is below a level would otherwise never fade."""


class FlowBlend:
    """Smooths one video. Stateful, not for several threads at once; its memory is one frame."""

    def __init__(self, layout: PixelLayout, width: int, height: int, strength: float = STRENGTH) -> None:
        """Make a smoother of `width` x `height` pictures.

        Args:
            layout: of the styled pictures: gray or YUV, every plane of luma or chroma.
            width: of the picture, in pixels; any.
            height: likewise.
            strength: how much of a picture may come from the one before, from 0 (nothing: pictures stay as they are) to
                less than 1.

        Raises:
            ConfigError: a strength outside of that.
            UnsupportedFormatError: RGB or transparency.
        """
        if not 0 <= strength < 1:
            raise ConfigError(f"a smoothing strength of {strength:g} is not within 0 and 1; 0.95 is a lot")
        if layout.planes[0] != "Y" or "A" in layout.planes:
            raise UnsupportedFormatError(f"{layout} pictures cannot be smoothed: convert them to YUV planes")
        self._layout = layout
        self._shapes = layout.plane_shapes(width, height)
        self._strength = strength
        self._division = flow_division(width, height)
        self._past: _Past | None = None
        self._beside = ThreadPoolExecutor(1, "smoother")  # numpy computes in one thread

    def __call__(self, luma: Luma, styled: Sequence[Plane], flow: FlowPlanes | None = None) -> tuple[Plane, ...]:
        """The next frame.

        Args:
            luma: of the input, `(height, width)` uint8, in whatever range it is coded.
            styled: planes of the layout's shapes and dtype, any strides.
            flow: from this frame to the one before, at 1/`flow_division` of the size (rounded up); None to find it.

        Returns:
            New planes like `styled`; after `reset`, the same samples.

        Raises:
            MismatchError: planes of other shapes, or another dtype.
        """
        self._check(luma, styled)
        if self._strength == 0:
            return tuple(plane.copy() for plane in styled)
        now = shrunk(luma.astype(np.float32), self._division) / np.float32(255)
        planes = tuple(map(self._codes, styled))
        if self._past is not None:
            planes = self._blended(now, planes, self._past, flow)
        self._past = _Past(now, planes)
        return tuple(map(self._rounded, planes))

    def reset(self) -> None:
        """Forget: the next frame is a first one."""
        self._past = None

    def _blended(
        self, now: Reals, styled: tuple[Reals, ...], past: _Past, flow: FlowPlanes | None
    ) -> tuple[Reals, ...]:
        contrast = self._beside.submit(_contrast, styled[0], self._layout.peak)
        flow = lucas_kanade(now, past.luma) if flow is None else flow
        weight = self._strength * _trust(now, followed(past.luma, flow))

        def mixed(index: int) -> Reals:
            return self._mixed(past.planes[index], styled[index], weight, flow, self._layout.subsampled(index))

        chroma = self._beside.map(mixed, range(1, len(styled)))
        return _with_contrast(mixed(0), contrast.result(), self._layout.peak), *chroma

    def _mixed(self, before: Reals, styled: Reals, weight: Reals, flow: FlowPlanes, subsampled: bool) -> Reals:
        """One plane: its past, as far as that can be trusted."""
        x, y = (self._division / (1 << sub * subsampled) for sub in (self._layout.sub_x, self._layout.sub_y))
        shape = styled.shape[0], styled.shape[1]
        history = followed(before, flow.enlarged(x, y, shape), cv2.INTER_CUBIC)
        share = enlarged(weight, x, y, shape).reshape(*shape, *(1,) * (styled.ndim - 2))
        history -= styled
        history *= share
        history += styled
        return history

    def _codes(self, plane: Plane) -> Reals:
        return (plane >> self._layout.shift if self._layout.shift else plane).astype(np.float32)

    def _rounded(self, codes: Reals) -> Plane:
        whole = np.rint(codes)
        np.clip(whole, 0, self._layout.peak, out=whole)
        if self._layout.depth <= 8:
            return whole.astype(np.uint8)
        return whole.astype(np.uint16) << np.uint16(self._layout.shift)

    def _check(self, luma: Luma, styled: Sequence[Plane]) -> None:
        given = luma.shape, *(plane.shape for plane in styled)
        wanted = self._shapes[0], *self._shapes
        if given != wanted:
            raise MismatchError(f"the smoother takes luma and planes of the shapes {wanted}, got {given}")
        if luma.dtype != np.uint8 or any(plane.dtype != self._layout.dtype for plane in styled):
            dtypes = ", ".join(str(plane.dtype) for plane in styled)
            raise MismatchError(
                f"the smoother takes uint8 luma, {self._layout.dtype} planes, got {luma.dtype}, {dtypes}"
            )


def _trust(now: Reals, predicted: Reals) -> Reals:
    """How well the input is explained by the frame before it, 0 to 1; 0 everywhere when it is another scene."""
    unexplained = now - predicted
    residual = 3 * box(unexplained * unexplained, 3)
    same_scene = 0.5 - 0.5 * math.tanh(CUT_STEEPNESS / 2 * (float(residual.mean()) - CUT))
    trust = np.exp(-SENSITIVITY * np.maximum(residual - NOISE, 0)) * same_scene
    return np.asarray(trust, np.float32)


def _with_contrast(dull: Reals, wanted: Reals, peak: int) -> Reals:
    """Luma with as much local contrast as is `wanted`, in its own detail."""
    detail = _detail(dull)
    gain = CONTRAST * np.sqrt(wanted / _variance(detail, peak))
    gain = np.asarray(np.clip(gain, 1, GAIN_MAX) - 1, np.float32)
    detail *= enlarged(gain, 2, 2, (dull.shape[0], dull.shape[1]))
    detail += dull
    return detail


def _contrast(luma: Reals, peak: int) -> Reals:
    """How much detail there is around each pixel, at half the size."""
    return _variance(_detail(luma), peak)


def _detail(luma: Reals) -> Reals:
    return np.asarray(cv2.filter2D(luma, cv2.CV_32F, _DETAIL, borderType=BORDER), np.float32)


_DETAIL = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], np.float32) / np.float32(9)
"""A sample less the mean of itself and its neighbours."""


def _variance(detail: Reals, peak: int) -> Reals:
    """The mean square of detail around each pixel, at half the size."""
    return np.maximum(box(shrunk(detail * detail, 2), 3), np.float32(VARIANCE_MIN * peak**2))
