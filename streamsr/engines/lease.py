"""Buffers lent to arrays: the caller gets memory the device has written into, and gives it back by forgetting it.

Copying each result out of pinned memory would be simpler. With a queue of results alive, as in the pipeline, that was
measured to take 2.7 ms for a 4K frame (12 MB) and 20 to 40 ms for one of 50 MB, two thirds of it page faults of the
fresh array: longer than a light model takes on a GPU.
"""

from __future__ import annotations

import ctypes
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from .base import Array, TensorSpec

T = TypeVar("T")

_ALIGNMENT = 256
"""Bytes; TensorRT asks for it of every tensor."""


@dataclass(frozen=True, slots=True)
class Packing:
    """Tensors one after another in one block of memory, so that one copy moves them all."""

    tensors: tuple[TensorSpec, ...]
    offsets: tuple[int, ...]
    """Where each begins."""
    size: int
    """Bytes of the whole block; at least one, as nobody allocates nothing."""

    @classmethod
    def of(cls, tensors: Sequence[TensorSpec]) -> Packing:
        """Every tensor where TensorRT wants it."""
        offsets, end = [], 0
        for tensor in tensors:
            offsets.append(end)
            end += -(-_bytes(tensor) // _ALIGNMENT) * _ALIGNMENT
        return cls(tuple(tensors), tuple(offsets), max(end, 1))

    def addresses(self, block: int) -> dict[str, int]:
        """Where each tensor lies in a block that begins at `block`, by name."""
        return {tensor.name: block + offset for tensor, offset in zip(self.tensors, self.offsets, strict=True)}

    def views(self, block: Array) -> tuple[Array, ...]:
        """The tensors in a block, an array of bytes; they keep it alive."""
        return tuple(
            block[offset : offset + _bytes(tensor)].view(tensor.dtype).reshape(tensor.shape)
            for tensor, offset in zip(self.tensors, self.offsets, strict=True)
        )


def _bytes(tensor: TensorSpec) -> int:
    return int(np.prod(tensor.shape, dtype=np.int64)) * tensor.dtype.itemsize


def memory_view(address: int, size: int) -> Array:
    """Host memory that somebody else owns, as an array of bytes."""
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))


class Leases(Generic[T]):
    """Blocks of memory and whatever belongs to them, free or lent. Lent ones come back from any thread."""

    def __init__(self, discard: Callable[[T], None]) -> None:
        """Begin without any; `discard` frees one for good."""
        self._free: deque[T] = deque()  # its methods are atomic: a finalizer must not wait for a lock
        self._discard = discard
        self._closed = False

    @property
    def free(self) -> int:
        """How many of them nobody has."""
        return len(self._free)

    def take(self) -> T | None:
        """The free one that came back last, if there is any: what belongs to it is there already."""
        try:
            return self._free.pop()
        except IndexError:
            return None

    def give_back(self, item: T) -> None:
        """Say that nobody uses it any more, or that it is new."""
        self._free.append(item)
        if self._closed:
            self._drain()

    def lend(self, item: T, address: int, packing: Packing) -> tuple[Array, ...]:
        """The tensors that lie at `address`; the item comes back when the last array that shows them is gone."""
        holder = _Holder(address, packing.size)
        self.tie(item, holder)
        return packing.views(np.asarray(holder))

    def tie(self, item: T, holder: object) -> None:
        """Have the item come back when nobody refers to `holder` any more."""
        weakref.finalize(holder, self.give_back, item).atexit = False

    def close(self) -> None:
        """Discard those that are free now, and the others when they come back."""
        self._closed = True
        self._drain()

    def _drain(self) -> None:
        while (item := self.take()) is not None:
            self._discard(item)


class _Holder:
    """What the arrays of a lease have in common: numpy keeps it alive for as long as any of them."""

    def __init__(self, address: int, size: int) -> None:
        self.__array_interface__: dict[str, Any] = {
            "data": (address, False),
            "shape": (size,),
            "typestr": "|u1",
            "version": 3,
        }
