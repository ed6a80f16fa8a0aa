"""Planes on a device, handed on by DLPack: described, checked, kept alive for exactly as long as somebody has them."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from streamsr import dlpack, residence
from streamsr.errors import MismatchError
from streamsr.frame import Frame
from streamsr.layout import pixel_layout
from streamsr.residence import DevicePlane, DevicePlanes, outlines
from tests.clips import picture, video_frame

NV12, P010 = pixel_layout("nv12"), pixel_layout("p010le")


@pytest.fixture(autouse=True)
def _host_as_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The only memory there is here stands for a GPU's; and no tensor is left behind."""
    monkeypatch.setitem(residence.KINDS, "cuda", 1)
    assert out() == 0
    yield
    assert out() == 0
    assert not dlpack._capsules


def out() -> int:
    """How many tensors somebody has."""
    gc.collect()
    dlpack.sweep()
    return len(dlpack._given)


class Exporter:
    """Gives the capsule of an array, in which a test may have changed something."""

    def __init__(self, array: np.ndarray, **changes: object) -> None:
        self.capsule = array.__dlpack__()
        self.tensor = dlpack._Managed.from_address(dlpack._pointer(self.capsule, b"dltensor")).tensor
        for name, value in changes.items():
            setattr(self.tensor, name, value)

    def __dlpack__(self) -> object:
        return self.capsule


def alive(array: np.ndarray) -> weakref.ref[np.ndarray]:
    return weakref.ref(array)


@pytest.mark.parametrize("layout", [NV12, P010], ids=str)
def test_planes_of_a_decoder_are_described_as_they_lie(layout) -> None:
    planes = picture(3, 50, 34, layout)
    frame = video_frame(planes, layout)
    given = [DevicePlane.from_dlpack(plane) for plane in frame.planes]
    assert [plane.shape for plane in given] == [(34, 50), (17, 25, 2)]
    assert [plane.pitch for plane in given] == [plane.line_size for plane in frame.planes]
    assert all(plane.pitch > plane.row_bytes == 50 * layout.dtype.itemsize for plane in given)
    assert {plane.device for plane in given} == {"cuda:0"}
    assert repr(given[1]) == f"DevicePlane({layout.dtype} [17, 25, 2] on cuda:0)"
    assert given[0].as_bytes().shape == (34, 50, 2)
    assert given[1].as_bytes().as_words().shape == (17, 25, 2)
    del frame  # the planes keep what they show
    gc.collect()
    assert all(np.array_equal(np.from_dlpack(plane), right) for plane, right in zip(given, planes, strict=True))
    again = av.VideoFrame.from_dlpack(given, layout.name)
    assert [plane.line_size for plane in again.planes] == [plane.pitch for plane in given]
    del given
    assert out() == 2  # and the frame keeps the planes
    assert all(np.array_equal(np.from_dlpack(a), b) for a, b in zip(again.planes, planes, strict=True))


def test_compact_tensors_may_leave_strides_out() -> None:
    exporter = Exporter(np.arange(12, dtype=np.uint16).reshape(3, 4))
    exporter.tensor.strides = None
    plane = DevicePlane.from_dlpack(exporter)
    assert (plane.pitch, plane.shape, plane.dtype) == (8, (3, 4), np.uint16)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((4, 4), np.int8), "unsigned samples of 8 or 16 bits"),
        (np.zeros((4, 4), np.float32), "unsigned samples of 8 or 16 bits"),
        (np.zeros((4, 4), np.uint32), "unsigned samples of 8 or 16 bits"),
        (np.zeros(4, np.uint8), "2 to 4 dimensions, got 1"),
        (np.zeros((1,) * 5, np.uint8), "2 to 4 dimensions, got 5"),
        (np.zeros((4, 0), np.uint8), "has no samples"),
        (np.zeros((4, 4), np.uint8)[::-1], "strides"),
        (np.zeros((4, 8), np.uint8)[:, ::2], "strides"),
        (np.zeros((4, 4), np.uint8).T[:3], "strides"),
        (np.zeros((4, 4, 4), np.uint8)[..., :2], "strides"),
        (np.zeros((4, 4), np.uint8)[:, ::-1], "strides"),
        (np.lib.stride_tricks.as_strided(np.zeros(8, np.uint8), (4, 4), (1, 1)), "strides"),
    ],
)
def test_what_is_no_plane_is_refused_and_left_as_it_was(array: np.ndarray, text: str) -> None:
    exporter = Exporter(array)
    with pytest.raises(MismatchError, match=text):
        DevicePlane.from_dlpack(exporter)
    assert dlpack._is_named(exporter.capsule, b"dltensor")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"ndim": 0}, "dimensions"),
        ({"ndim": -1}, "dimensions"),
        ({"ndim": 1 << 30}, "dimensions"),
        ({"data": None}, "no samples"),
        ({"dtype": dlpack._DataType(1, 8, 2)}, "samples"),
        ({"device": dlpack._Device(7, 0)}, "not on devices of DLPack's kind 7"),
    ],
)
def test_a_tensor_that_lies_is_refused(changes: dict[str, object], text: str) -> None:
    array = np.zeros((4, 4), np.uint8)
    kept = alive(array)
    exporter = Exporter(array, **changes)
    with pytest.raises(MismatchError, match=text):
        DevicePlane.from_dlpack(exporter)
    exporter.tensor.ndim = 2
    del array, exporter
    gc.collect()
    assert kept() is None


def test_a_negative_size_is_refused() -> None:
    exporter = Exporter(np.zeros((4, 4), np.uint8))
    exporter.tensor.shape[0] = -4
    with pytest.raises(MismatchError, match="no samples"):
        DevicePlane.from_dlpack(exporter)


def test_a_capsule_is_taken_once() -> None:
    exporter = Exporter(np.zeros((4, 4), np.uint8))
    DevicePlane.from_dlpack(exporter)
    with pytest.raises(MismatchError, match="taken over before"):
        DevicePlane.from_dlpack(exporter)
    exporter.capsule = object()
    with pytest.raises(MismatchError, match="Exporter gives no DLPack tensor"):
        DevicePlane.from_dlpack(exporter)


def test_memory_is_kept_by_whoever_has_it_last() -> None:
    array = np.arange(16, dtype=np.uint8).reshape(4, 4)
    kept = alive(array)
    plane = DevicePlane.from_dlpack(array)
    unused, taken = plane.__dlpack__(), DevicePlane.from_dlpack(plane)
    del array, plane
    gc.collect()
    assert kept() is not None
    assert out() == 2
    del unused  # nobody took it
    assert out() == 1
    assert kept() is not None
    thread = threading.Thread(target=lambda held: held.clear(), args=([taken],))
    del taken
    thread.start()
    thread.join()
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize(
    ("consume", "error"),
    [(np.from_dlpack, (BufferError, RuntimeError)), (lambda plane: len(plane.__dlpack__()), TypeError)],
    ids=["numpy has no GPU", "no consumer"],
)
def test_a_capsule_that_is_refused_is_given_up(
    consume: Callable[[DevicePlane], object], error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes while the consumer's exception is on its way, which must arrive."""
    array = np.zeros((4, 4), np.uint8)
    kept, plane = alive(array), DevicePlane.from_dlpack(array)
    monkeypatch.setitem(residence.KINDS, "cuda", 2)
    with pytest.raises(error):
        consume(plane)
    del array, plane
    assert out() == 0
    assert kept() is None


def test_capsules_that_nobody_takes_do_not_pile_up() -> None:
    plane = DevicePlane.from_dlpack(np.zeros((4, 4), np.uint8))
    for _ in range(5):
        plane.__dlpack__()
        assert len(dlpack._given) == len(dlpack._capsules) == 1
    capsule = plane.__dlpack__()
    assert plane.__dlpack__() is not capsule
    assert len(dlpack._given) == 2  # what somebody has stays
    taken = DevicePlane.from_dlpack(plane)
    del capsule
    assert out() == 1
    del taken
    assert out() == 0


def test_a_deleter_may_be_called_without_the_gil_from_any_thread() -> None:
    array = np.zeros((4, 4), np.uint8)
    kept = alive(array)
    plane = DevicePlane.from_dlpack(array)
    capsule = plane.__dlpack__()
    address = dlpack._pointer(capsule, b"dltensor")
    dlpack._rename(capsule, b"used_dltensor")
    del array, plane, capsule
    gc.collect()
    assert kept() is not None
    deleter = dlpack._Deleter(dlpack._Managed.from_address(address).deleter)  # foreign to ctypes: it lets go of the GIL
    thread = threading.Thread(target=deleter, args=(address,))
    thread.start()
    thread.join()
    gc.collect()
    assert kept() is None


AT_EXIT = """
import numpy as np, av
from streamsr import residence
from streamsr.residence import DevicePlane
residence.KINDS["cuda"] = 1
planes = [DevicePlane.from_dlpack(np.zeros(shape, np.uint8)) for shape in ((32, 48), (16, 24, 2))]
frame = av.VideoFrame.from_dlpack(planes, "nv12")
capsule = planes[0].__dlpack__()
print("end")
"""


def test_what_is_left_at_the_end_of_a_program_does_no_harm() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, check=False, cwd=root)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def there(planes: tuple[np.ndarray, ...], fetched: list[int]) -> DevicePlanes:
    def fetch() -> tuple[np.ndarray, ...]:
        fetched.append(1)
        return planes

    return DevicePlanes([DevicePlane.from_dlpack(plane) for plane in planes], fetch)


def test_a_frame_is_described_without_being_fetched() -> None:
    fetched: list[int] = []
    planes = picture(0, 48, 32, NV12)
    frame = Frame(there(planes, fetched), NV12, 0, 1)
    assert (frame.width, frame.height, len(frame.planes)) == (48, 32, 2)
    assert isinstance(frame.planes, DevicePlanes)
    assert frame.planes.device == "cuda:0"
    assert outlines(planes) is planes
    assert "DevicePlane(uint8 [32, 48] on cuda:0)" in repr(frame.planes)
    with pytest.raises(MismatchError, match="a p010le frame is uint16, got"):
        Frame(frame.planes, P010, 0, 1)
    with pytest.raises(MismatchError, match="a yuv420p frame has planes"):
        Frame(frame.planes, pixel_layout("yuv420p"), 0, 1)
    assert not fetched


def test_planes_are_fetched_together_and_once() -> None:
    fetched: list[int] = []
    planes = picture(0, 48, 32, NV12)
    given = there(planes, fetched)
    threads = [threading.Thread(target=list, args=(given,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.array_equal(given[1], planes[1])
    assert given[:1][0] is planes[0]
    assert all(a is b for a, b in zip(given, planes, strict=True))
    assert fetched == [1]


def test_the_structs_are_those_of_dlpack() -> None:
    """Sizes and offsets that a C compiler gives the structs of dlpack.h on 64-bit machines."""
    assert ctypes.sizeof(dlpack._Tensor) == 48
    assert [dlpack._Tensor.device.offset, dlpack._Tensor.ndim.offset, dlpack._Tensor.dtype.offset] == [8, 16, 20]
    assert [dlpack._Tensor.shape.offset, dlpack._Tensor.strides.offset] == [24, 32]
    assert [dlpack._Managed.context.offset, dlpack._Managed.deleter.offset] == [48, 56]
