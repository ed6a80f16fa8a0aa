"""Files that are not what they should be; every one of them must be refused by name, and cheaply."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamsr.errors import ModelError
from streamsr.training.arrays import HEADER_BYTES_MAX, read_arrays

SHAPES = {"first": {"a": (2, 3), "b": (4,)}, "second": {"a": (2, 3), "c": (1,)}}


def written(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def good() -> dict[str, Any]:
    return {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(4, np.float32)}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back_under_the_layout_that_fits(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "w.npz", **good())
    layout, arrays = read_arrays(tmp_path / "w.npz", SHAPES)
    assert layout == "first"
    assert list(arrays) == ["a", "b"]
    for name, array in good().items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].flags.writeable
        assert arrays[name].flags.c_contiguous


def test_fortran_order_is_understood(tmp_path: Path) -> None:
    path = written(tmp_path / "w.npz", a=np.asfortranarray(good()["a"]), b=good()["b"])
    np.testing.assert_array_equal(read_arrays(path, SHAPES)[1]["a"], good()["a"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": np.zeros((3, 2), np.float32)}, r"a is float32 \(3, 2\), expected float32 \(2, 3\)"),
        ({"a": np.zeros((2, 3), np.int32)}, r"a is int32 \(2, 3\)"),
        ({"a": np.zeros((2, 3), ">f4")}, r"a is >f4"),
        ({"b": np.zeros(4, np.float64)}, r"b is float64"),
        ({"b": np.array([1, 2, np.nan, 4], np.float32)}, "b holds values that are not finite"),
        ({"b": np.zeros(4000, np.float32)}, r"b is larger than float32 \(4,\)"),
        ({"b": np.array([{}] * 4)}, "b is object"),
        ({"z": np.zeros(1, np.float32)}, "the nearest is first, but 'z' is not part of it"),
    ],
)
def test_a_wrong_array_is_refused_by_name(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_arrays(written(tmp_path / "w.npz", **(good() | change)), SHAPES)


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "w.npz", b=good()["b"])
    with pytest.raises(ModelError, match="holds none of first, second; the nearest is first, but 'a' is missing"):
        read_arrays(path, SHAPES)


def member(path: Path, data: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("b.npy", data)
        file = io.BytesIO()
        np.save(file, good()["a"])
        archive.writestr("a.npy", file.getvalue())
    return path


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an array",
        saved(good()["b"])[:-3],
        saved(good()["b"]) + b"more",
        saved(good()["b"]).replace(b"(4,)", b"(4e9)"),
        b"\x93NUMPY\x02\x00" + saved(good()["b"])[8:],
        b"\x93NUMPY\x01\x00\xff\xff" + b" " * 200,
        np.lib.format.magic(1, 0) + b"\x76\x00" + b"__import__('os')".ljust(117) + b"\n",
    ],
)
def test_a_damaged_array_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ModelError, match=r"w\.npz"):
        read_arrays(member(tmp_path / "w.npz", data), SHAPES)


def test_a_bomb_is_not_unfolded(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", saved(good()["a"]))
        archive.writestr("b.npy", saved(good()["b"]) + bytes(64 * HEADER_BYTES_MAX))
    with pytest.raises(ModelError, match="b is larger than"):
        read_arrays(path, SHAPES)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 no archive", b"\x80\x04pickled"])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "w.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"w\.npz cannot be read as an npz file"):
        read_arrays(path, SHAPES)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "w.npz", **good())
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, 37):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelError):
            read_arrays(path, SHAPES)


def test_a_flipped_byte_is_refused_or_harmless(tmp_path: Path) -> None:
    path = written(tmp_path / "w.npz", **good())
    whole = path.read_bytes()
    for position in range(0, len(whole), 3):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        try:
            _, arrays = read_arrays(path, SHAPES)
        except ModelError:
            continue
        for name, array in good().items():
            np.testing.assert_array_equal(arrays[name], array)
