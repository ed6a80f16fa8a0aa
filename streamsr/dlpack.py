"""DLPack by ctypes: memory that changes hands without a copy, whoever allocated it and wherever it lies.

The structs are those of DLPack 0.8 (`dlpack.h` of https://github.com/dmlc/dlpack/tree/v0.8): the unversioned capsule
`dltensor`, which is what PyAV speaks. A capsule is taken over once, by renaming it; whoever has taken it over calls the
tensor's deleter, and one of ours that nobody took is freed when the next is given.
"""

from __future__ import annotations

import ctypes
import math
import sys
import threading
import weakref
from dataclasses import dataclass
from typing import Any

from .errors import MismatchError

_NAME, _USED = b"dltensor", b"used_dltensor"
_UNSIGNED = 1
_BITS = (8, 16)
_DIMENSIONS_MAX = 4


class _Device(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int32), ("index", ctypes.c_int32))


class _DataType(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device", _Device),
        ("ndim", ctypes.c_int32),
        ("dtype", _DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class _Managed(ctypes.Structure):
    _fields_ = (("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p))


_Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
"""Called from any thread, without the GIL: ctypes takes it for one of ours, and lets go of it for a foreign one."""
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi)
)
_rename = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_SetName", ctypes.pythonapi))
_is_named = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_IsValid", ctypes.pythonapi))
_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where samples lie: rows of `shape[1:]`, without gaps in them, each `pitch` bytes after the one before."""

    address: int
    shape: tuple[int, ...]
    bits: int
    """Of an unsigned sample, 8 or 16."""
    pitch: int
    kind: int
    """DLPack's number of the kind of device: 1 is the host, 2 CUDA."""
    index: int


class _Owner:
    """Keeps memory that was taken over until nobody refers to it."""

    __slots__ = ("__weakref__",)


def take(exporter: Any) -> tuple[Layout, object]:
    """Take over what `exporter.__dlpack__()` gives: where it is, and an object that keeps it there while it lives.

    Raises:
        MismatchError: it is no tensor of rows of 8 or 16 bits, or was taken over before; its capsule stays as it was.
    """
    capsule = exporter.__dlpack__()
    if not _is_named(capsule, _NAME):
        raise MismatchError(f"{type(exporter).__name__} gives no DLPack tensor, or one that was taken over before")
    address = _pointer(capsule, _NAME)
    managed = _Managed.from_address(address)
    layout = _checked(managed.tensor)
    owner = _Owner()
    if managed.deleter:
        weakref.finalize(owner, _Deleter(managed.deleter), address).atexit = False
    _rename(capsule, _USED)
    return layout, owner


def _checked(tensor: _Tensor) -> Layout:
    kind = tensor.dtype.code, tensor.dtype.lanes
    if kind != (_UNSIGNED, 1) or tensor.dtype.bits not in _BITS:
        raise MismatchError(f"a plane has unsigned samples of 8 or 16 bits, not DLPack's {(*kind, tensor.dtype.bits)}")
    if not 2 <= tensor.ndim <= _DIMENSIONS_MAX:
        raise MismatchError(f"a plane has 2 to {_DIMENSIONS_MAX} dimensions, got {tensor.ndim}")
    shape = tuple(tensor.shape[: tensor.ndim])
    if not tensor.data or min(shape) < 1:
        raise MismatchError(f"a plane of {shape} has no samples")
    compact = tuple(math.prod(shape[axis + 1 :]) for axis in range(tensor.ndim))
    strides = tuple(tensor.strides[: tensor.ndim]) if tensor.strides else compact
    if strides[1:] != compact[1:] or strides[0] < compact[0]:
        raise MismatchError(f"rows of a plane lie one after another and have no gaps; these have strides {strides}")
    address, item = tensor.data + tensor.byte_offset, tensor.dtype.bits // 8
    return Layout(address, shape, item * 8, strides[0] * item, tensor.device.kind, tensor.device.index)


_given: dict[int, object] = {}
"""By address of their struct: what the tensors that are out consist of, and what keeps their memory."""
_capsules: dict[int, object] = {}
"""Their capsules, by the same address.

That one was dropped is found out without a destructor: those in Python cannot run while an exception is pending, and
that is just when consumers drop what they do not take.
"""
_giving = threading.RLock()


def _references(capsules: dict[int, object], address: int) -> int:
    return sys.getrefcount(capsules.get(address))


_UNSHARED = _references({0: object()}, 0)
"""How many references a capsule has that is in the dictionary and nowhere else; versions of Python differ."""


def give(layout: Layout, owner: object) -> object:
    """A capsule `dltensor` of memory that `owner` keeps: until the deleter is called.

    Of a capsule that is dropped instead, it is kept until the next one is given.
    """
    item, ndim = layout.bits // 8, len(layout.shape)
    sizes = ctypes.c_int64 * ndim
    inner = (math.prod(layout.shape[axis + 1 :]) for axis in range(1, ndim))
    shape, strides = sizes(*layout.shape), sizes(layout.pitch // item, *inner)
    managed = _Managed()
    tensor = managed.tensor
    tensor.data, tensor.ndim, tensor.byte_offset = layout.address, ndim, 0
    tensor.device = _Device(layout.kind, layout.index)
    tensor.dtype = _DataType(_UNSIGNED, layout.bits, 1)
    tensor.shape, tensor.strides = shape, strides
    managed.deleter = ctypes.cast(_delete, ctypes.c_void_p)
    address = ctypes.addressof(managed)
    sweep()
    with _giving:  # the address may be that of a struct that another thread is sweeping away
        _given[address] = managed, shape, strides, owner
        capsule = _capsules[address] = _new(address, _NAME, None)
        return capsule


def sweep() -> None:
    """Let go of the memory of capsules that were dropped before anybody took them over. From any thread."""
    dropped = []  # until the lock is free again: owners may be told
    with _giving:
        for address in list(_capsules):
            if _references(_capsules, address) > _UNSHARED:
                continue
            if _is_named(_capsules.pop(address), _NAME):
                dropped.append(_given.pop(address, None))


def _forget(address: int, given: dict[int, object] = _given) -> None:
    given.pop(address, None)


_delete = _Deleter(_forget)
for _immortal in (_NAME, _delete):  # a decoder or encoder may let go of a tensor after this module is gone
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_immortal))
