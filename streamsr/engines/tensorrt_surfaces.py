"""Device memory for results that stay there: one block a picture, as encoders on the device read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from ..errors import DeviceMemoryError, EngineError
from ..residence import DevicePlane, DevicePlanes
from .base import Array, TensorSpec
from .cuda import Driver
from .lease import Leases

_PITCH = 256
"""Bytes that a row begins at a multiple of."""


class _Picture:
    """What the planes in one block have in common: it is lent while any of them lives."""

    __slots__ = ("__weakref__",)


class Surfaces:
    """The blocks of an engine, lent out as planes and taken back when those are forgotten, from any thread.

    NVENC reads one address and one pitch: planes lie one after another, rows of all of them at the same pitch. How many
    blocks there are is up to those who keep pictures; an encoder keeps as many as it looks ahead.
    """

    def __init__(self, driver: Driver, device: str, outputs: Sequence[TensorSpec]) -> None:
        """Begin without any block.

        Args:
            driver: of the device.
            device: its name.
            outputs: the planes of a picture, as uint8 tensors of two axes or more.
        """
        self._driver, self._device, self._outputs = driver, device, tuple(outputs)
        widest = max(_row_bytes(tensor) for tensor in self._outputs)
        self.pitch = -(-widest // _PITCH) * _PITCH
        """Bytes from row to row."""
        rows = [tensor.shape[0] for tensor in self._outputs]
        self.offsets = tuple(sum(rows[:index]) * self.pitch for index in range(len(rows)))
        """Where in a block each plane begins."""
        self._size = sum(rows) * self.pitch
        self._leases: Leases[int] = Leases(self._discard)
        self._count = 0

    def take(self) -> int:
        """The address of a block that nobody has.

        Raises:
            DeviceMemoryError: there is none, and no memory for one more.
        """
        block = self._leases.take()
        if block is not None:
            return block
        try:
            block = self._driver.alloc(self._size)
        except DeviceMemoryError as error:
            kept = f"{self._count} pictures are kept there already, by the encoder or whoever takes them"
            raise DeviceMemoryError(f"no memory on {self._device} for one picture more, {kept}: {error}") from error
        self._count += 1
        return block

    def fill(self, block: int, sources: Sequence[int], stream: int) -> None:
        """Put the copies of dense planes at `sources` into a block on a stream."""
        for tensor, offset, source in zip(self._outputs, self.offsets, sources, strict=True):
            width = _row_bytes(tensor)
            self._driver.copy2d(block + offset, self.pitch, source, width, width, tensor.shape[0], stream)

    def lend(self, block: int) -> DevicePlanes:
        """The planes in a block; it comes back when the last of them is gone."""
        picture = _Picture()
        self._leases.tie(block, picture)
        planes = [
            DevicePlane(tensor.shape, tensor.dtype, self.pitch, block + offset, self._device, picture)
            for tensor, offset in zip(self._outputs, self.offsets, strict=True)
        ]
        return DevicePlanes(planes, lambda: fetch(self._driver, planes))

    def give_back(self, block: int) -> None:
        """Say that nobody uses a block any more."""
        self._leases.give_back(block)

    def close(self) -> None:
        """Free those that are not lent, and the others when they come back."""
        self._leases.close()

    def _discard(self, block: int) -> None:
        with suppress(EngineError):  # nobody is left to be told, perhaps not even a device
            self._driver.activate()
            self._driver.free(block)


def fetch(driver: Driver, planes: Sequence[DevicePlane]) -> tuple[Array, ...]:
    """Complete planes of the driver's device as arrays on the host.

    Raises:
        EngineError: CUDA refused.
    """
    driver.activate()
    arrays = tuple(np.empty(plane.shape, plane.dtype) for plane in planes)
    stream = driver.stream()
    try:
        for array, plane in zip(arrays, planes, strict=True):
            width = plane.row_bytes
            driver.copy2d(array.ctypes.data, width, plane.address, plane.pitch, width, plane.shape[0], stream)
        driver.synchronize(stream)
    finally:
        driver.free_stream(stream)
    return arrays


def _row_bytes(tensor: TensorSpec) -> int:
    return math.prod(tensor.shape[1:]) * tensor.dtype.itemsize
