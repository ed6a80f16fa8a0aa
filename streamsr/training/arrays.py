"""Weights from an npz file that somebody else made: nothing is unpickled, nothing is read that was not expected."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Literal

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from ..errors import ModelError

Floats = npt.NDArray[np.float32]
Shapes = Mapping[str, tuple[int, ...]]

ARCHIVE_BYTES_MAX = 256 << 20
HEADER_BYTES_MAX = 1024
"""More than numpy's header of any array of float32 takes."""


def read_arrays(path: Path, layouts: Mapping[str, Shapes]) -> tuple[str, dict[str, Floats]]:
    """Read a file that holds exactly the float32 arrays of one of `layouts`; return that layout's name and the arrays.

    `layouts` maps a name to the shapes by array name. Sizes are checked before anything is allocated, so that a small
    file cannot unfold into a large memory.

    Raises:
        ModelError: no such file, not an npz file, too large; an array that is missing, too many, of another shape or
            dtype, truncated, or not finite.
    """
    try:
        if path.stat().st_size > ARCHIVE_BYTES_MAX:
            raise ModelError(f"{path} is larger than {ARCHIVE_BYTES_MAX >> 20} MiB: no backbone that streamsr knows")
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
            layout = _layout_of(names, layouts, path)
            shapes = layouts[layout]
            return layout, {name: _read(archive, name, shapes[name]) for name in shapes}
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{path} cannot be read as an npz file: {error}") from error


def _layout_of(names: set[str], layouts: Mapping[str, Shapes], path: Path) -> str:
    """The layout whose arrays are called `names`; an error tells the difference to the nearest."""
    nearest = min(layouts, key=lambda layout: len(names ^ layouts[layout].keys()))
    missing, surplus = sorted(layouts[nearest].keys() - names), sorted(names - layouts[nearest].keys())
    if missing or surplus:
        what = f"{missing[0]!r} is missing" if missing else f"{surplus[0]!r} is not part of it"
        raise ModelError(f"{path} holds none of {', '.join(layouts)}; the nearest is {nearest}, but {what}")
    return nearest


def _read(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...]) -> Floats:
    expected = int(np.prod(shape)) * np.dtype(np.float32).itemsize
    entry = f"{name}.npy"
    if archive.getinfo(entry).file_size > expected + HEADER_BYTES_MAX:
        raise ValueError(f"{name} is larger than float32 {shape}")
    with archive.open(entry) as file:
        order = _check_header(file, name, shape)
        data = file.read(expected + 1)
    if len(data) != expected:
        raise ValueError(f"{name} holds {len(data)} bytes, float32 {shape} takes {expected}")
    array = np.frombuffer(data, "<f4").reshape(shape, order=order).astype(np.float32, order="C")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite")
    return array


def _check_header(file: IO[bytes], name: str, shape: tuple[int, ...]) -> Literal["C", "F"]:
    if npy.read_magic(file) != (1, 0):
        raise ValueError(f"{name} is not a version 1.0 npy array")
    found, fortran, dtype = npy.read_array_header_1_0(file, max_header_size=HEADER_BYTES_MAX)
    if found != shape or dtype.str != "<f4":
        raise ValueError(f"{name} is {dtype} {found}, expected float32 {shape}")
    return "F" if fortran else "C"
