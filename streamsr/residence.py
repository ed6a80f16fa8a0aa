"""Planes that lie on a device: described, handed on without a copy, and fetched when somebody looks at them.

Nothing here touches a device. Who made the planes knows how they come to the host.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, overload

import numpy as np
import numpy.typing as npt

from . import dlpack
from .errors import MismatchError

KINDS = {"cuda": 2}
"""DLPack's numbers of the devices on which planes may stay, by the name before the colon of `cuda:0`."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class DevicePlane:
    """One plane on a device, or a tensor that stands for one: rows without gaps in them, at a pitch."""

    shape: tuple[int, ...]
    """`(rows, columns[, components])`, for a tensor of 16-bit samples with a last axis of 2 bytes."""
    dtype: np.dtype[Any]
    """uint8 or uint16."""
    pitch: int
    """Bytes from the beginning of a row to that of the next."""
    address: int
    device: str
    """`cuda:0`, `cuda:1`, …"""
    owner: object
    """What keeps the memory as it is, for as long as it lives."""

    @property
    def row_bytes(self) -> int:
        """Bytes of a row without what pads it."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def as_bytes(self) -> DevicePlane:
        """16-bit samples as pairs of bytes, low byte first: `(..., 2)`."""
        return replace(self, shape=(*self.shape, 2), dtype=np.dtype(np.uint8))

    def as_words(self) -> DevicePlane:
        """The inverse of `as_bytes`."""
        return replace(self, shape=self.shape[:-1], dtype=np.dtype(np.uint16))

    def __repr__(self) -> str:
        return f"DevicePlane({self.dtype} {list(self.shape)} on {self.device})"

    @classmethod
    def from_dlpack(cls, exporter: Any) -> Self:
        """Take over the memory of anything with `__dlpack__`: a plane of PyAV's, an array of numpy, CuPy or torch.

        Raises:
            MismatchError: it lies elsewhere than on one of `KINDS`, or is no plane (see `dlpack.take`).
        """
        given, owner = dlpack.take(exporter)
        names = [name for name, kind in KINDS.items() if kind == given.kind]
        if not names:
            raise MismatchError(f"planes stay on {', '.join(KINDS)}, not on devices of DLPack's kind {given.kind}")
        dtype = np.dtype(np.uint8) if given.bits == 8 else np.dtype(np.uint16)
        return cls(given.shape, dtype, given.pitch, given.address, f"{names[0]}:{given.index}", owner)

    def __dlpack__(self, *, stream: int | None = None) -> object:
        """A capsule that keeps the owner; a `stream` to be synchronized with is not looked at.

        An engine's results are complete. Planes of a source may still be being written, on CUDA's legacy default
        stream: wait for that first. What reads a plane must be done before it lets go of it, as the memory is then
        written anew.
        """
        kind, index = self.__dlpack_device__()
        bits = self.dtype.itemsize * 8
        return dlpack.give(dlpack.Layout(self.address, self.shape, bits, self.pitch, kind, index), self.owner)

    def __dlpack_device__(self) -> tuple[int, int]:
        """DLPack's kind of device, and which of that kind."""
        name, _, index = self.device.partition(":")
        return KINDS[name], int(index)


class DevicePlanes(Sequence[Array]):
    """The planes of a picture on a device. As a sequence they are arrays on the host: all are fetched, once."""

    __slots__ = ("_arrays", "_fetch", "_lock", "surfaces")

    def __init__(self, surfaces: Sequence[DevicePlane], fetch: Callable[[], Sequence[Array]]) -> None:
        """Planes as they lie on the device, and what brings them to the host; from any thread, which may wait."""
        self.surfaces = tuple(surfaces)
        """The planes where they are."""
        self._fetch = fetch
        self._arrays: tuple[Array, ...] | None = None
        self._lock = threading.Lock()

    @property
    def device(self) -> str:
        """Where they are, `cuda:0`."""
        return self.surfaces[0].device

    def arrays(self) -> tuple[Array, ...]:
        """The planes on the host."""
        with self._lock:
            if self._arrays is None:
                self._arrays = tuple(self._fetch())
            return self._arrays

    @overload
    def __getitem__(self, index: int) -> Array: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Array, ...]: ...
    def __getitem__(self, index: int | slice) -> Array | tuple[Array, ...]:
        return self.arrays()[index]

    def __iter__(self) -> Iterator[Array]:
        return iter(self.arrays())

    def __len__(self) -> int:
        return len(self.surfaces)

    def __repr__(self) -> str:
        return f"DevicePlanes({', '.join(map(str, self.surfaces))})"


def outlines(planes: Sequence[Array]) -> Sequence[Array | DevicePlane]:
    """Something with the `shape` and `dtype` of every plane; nothing is fetched for it."""
    return planes.surfaces if isinstance(planes, DevicePlanes) else planes
