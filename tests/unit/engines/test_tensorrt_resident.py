"""Planes that come from the device and stay there: the same pictures, the calls that make them, and who keeps what."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from streamsr.engines.base import DeviceEngine
from streamsr.engines.runner import stream
from streamsr.engines.tensorrt import TensorRTEngine
from streamsr.errors import DeviceMemoryError, EngineError, MismatchError
from streamsr.residence import DevicePlane, DevicePlanes
from tests.fake_cuda import RUBBISH, FakeDriver

from . import graphs
from .machine import GRAPH, PICTURES, Machine, equal

PITCH = 64
"""Bytes of a row in what the decoder of these tests gives: wider than any of its planes."""


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    machine.driver.activate()
    yield machine
    machine.driver.default.clear()
    gc.collect()
    assert machine.driver.used("device") == 0
    assert not machine.driver.streams
    assert not machine.driver.events


class Decoder:
    """Puts pictures on the device as FFmpeg does: each plane in memory of its own, written on the default stream."""

    def __init__(self, driver: FakeDriver) -> None:
        self.driver = driver

    def planes(self, picture: graphs.Tensors) -> tuple[DevicePlane, ...]:
        return tuple(map(self.plane, picture))

    def plane(self, array: np.ndarray) -> DevicePlane:
        memory = _Memory(self.driver, PITCH * array.shape[0])
        row = array.nbytes // array.shape[0]

        def write() -> None:
            assert self.driver.inside(memory.address, memory.size) == "device"
            rows = np.ascontiguousarray(array).reshape(array.shape[0], row)
            for index, line in enumerate(rows):
                place = memory.address + index * PITCH
                self.driver.bytes_at(place, row)[:] = line

        self.driver.default.append(write)
        return DevicePlane(array.shape, array.dtype, PITCH, memory.address, "cuda:0", memory)


class _Memory:
    def __init__(self, driver: FakeDriver, size: int) -> None:
        self.driver, self.size, self.address = driver, size, driver.alloc(size)

    def __del__(self) -> None:
        self.driver.activate()
        self.driver.free(self.address)


def through(engine: TensorRTEngine, pictures: list[tuple[DevicePlane, ...]]) -> Iterator[DevicePlanes]:
    """As `runner.stream`, from the device and back to it."""
    waiting = []
    for picture in pictures:
        if len(waiting) == engine.spec.depth:
            yield engine.planes(waiting.pop(0))
        waiting.append(engine.submit_planes(picture, stay=True))
    while waiting:
        yield engine.planes(waiting.pop(0))


def test_the_pictures_are_those_of_the_host(machine: Machine, wanted: list[graphs.Tensors]) -> None:
    engine = machine.build()
    assert isinstance(engine, DeviceEngine)
    assert engine.home == "cuda:0"
    decoder = Decoder(machine.driver)
    found = list(through(engine, [decoder.planes(picture) for picture in PICTURES]))
    assert all(equal(tuple(planes), right) for planes, right in zip(found, wanted, strict=True))
    for stay, source in ((True, PICTURES[0]), (False, decoder.planes(PICTURES[0]))):
        ticket = engine.submit_planes(source, stay=stay)
        result = tuple(engine.planes(ticket)) if stay else engine.result(ticket)
        assert equal(result, wanted[0])
    assert all(equal(a, b) for a, b in zip(stream(engine, PICTURES), wanted, strict=True))
    engine.close()


@pytest.mark.parametrize(
    ("layout", "width", "shapes"),
    [("nv12", 48, [(64, 96), (32, 48, 2)]), ("p010le", 24, [(64, 48, 2), (32, 24, 2, 2)])],
)
def test_a_result_is_one_block_as_an_encoder_reads_it(machine: Machine, layout: str, width: int, shapes: list) -> None:
    graph = graphs.upscaling(layout, width)
    engine = machine.build(graph)
    (picture,) = graphs.frames(graph.input, 1)
    planes = engine.planes(engine.submit_planes(Decoder(machine.driver).planes(picture), stay=True))
    luma, chroma = planes.surfaces
    assert [luma.shape, chroma.shape] == shapes
    assert luma.pitch == chroma.pitch == 256 > luma.row_bytes
    assert chroma.address == luma.address + 256 * 64
    (right,) = stream(engine, [picture])
    assert equal(tuple(planes), right)
    del planes, luma, chroma
    engine.close()


def test_a_frame_that_stays_crosses_no_bus(machine: Machine) -> None:
    engine = machine.build()
    decoder = Decoder(machine.driver)
    list(through(engine, [decoder.planes(picture) for picture in PICTURES]))
    picture = decoder.planes(PICTURES[0])
    calls = machine.since(engine)
    planes = engine.planes(engine.submit_planes(picture, stay=True))
    copies = ["copy2d"] * 3
    assert [call.partition("(")[0] for call in calls] == ["join", *copies, "launch", *copies, "record", "wait"]
    assert "host" not in " ".join(calls)
    del planes
    engine.close()


def test_a_capture_of_such_a_frame_holds_the_network_alone(machine: Machine) -> None:
    engine = machine.build()
    calls = machine.since(engine)
    planes = engine.planes(engine.submit_planes(Decoder(machine.driver).planes(PICTURES[0]), stay=True))
    names = [call.partition("(")[0] for call in calls]
    begin, end = names.index("begin_capture"), names.index("end_capture")
    assert names[begin + 1 : end] == ["execute_async_v3"]
    del planes
    engine.close()


def test_state_and_reset_are_the_same_from_the_device(machine: Machine) -> None:
    engine = machine.build(graphs.running_sum(with_reset=True))
    decoder = Decoder(machine.driver)
    frames = [decoder.planes((np.full((4, 6), value, np.uint8),)) for value in (1, 2, 3, 4)]
    calls = machine.since(engine)
    for _ in range(2):
        assert [int(planes[0][0, 0]) for planes in through(engine, frames)] == [101, 103, 106, 110]
        engine.reset()
    uploads = [call for call in calls if call.startswith("copy(")]
    assert all(call.endswith("256, stream0)") for call in uploads)  # what the graph is told about the reset, no plane
    engine.close()


def test_the_frame_waits_for_what_the_decoder_has_put_on_the_default_stream(machine: Machine) -> None:
    engine = machine.build()
    picture = Decoder(machine.driver).planes(PICTURES[0])
    assert len(machine.driver.default) == 3
    ticket = engine.submit_planes(picture, stay=True)
    assert len(machine.driver.default) == 3  # and nobody has waited for it on the host
    planes = engine.planes(ticket)
    assert not machine.driver.default
    del picture, planes
    engine.close()


def test_what_is_read_is_kept_until_the_frame_is_done(machine: Machine, wanted: list[graphs.Tensors]) -> None:
    engine = machine.build()
    ticket = engine.submit_planes(Decoder(machine.driver).planes(PICTURES[0]), stay=False)
    gc.collect()
    before = machine.driver.used("device")
    assert equal(engine.result(ticket), wanted[0])
    gc.collect()
    assert before - machine.driver.used("device") == PITCH * (32 + 16 + 16)
    engine.close()


def test_blocks_come_back_and_are_used_again(machine: Machine) -> None:
    engine = machine.build()
    pictures = [Decoder(machine.driver).planes(picture) for picture in PICTURES]
    addresses = {planes.surfaces[0].address for _ in range(4) for planes in through(engine, pictures)}
    assert len(addresses) <= engine.spec.depth + 2
    kept = list(through(engine, pictures))
    before = machine.driver.used("device")
    del kept[1:]

    def forget_elsewhere() -> None:  # the encoder's thread
        kept.clear()
        gc.collect()

    thread = threading.Thread(target=forget_elsewhere)
    thread.start()
    thread.join()
    list(through(engine, pictures))
    assert machine.driver.used("device") == before
    del pictures
    engine.close()


def test_planes_outlive_the_engine(machine: Machine, wanted: list[graphs.Tensors]) -> None:
    engine = machine.build()
    first, second = through(engine, [Decoder(machine.driver).planes(picture) for picture in PICTURES[:2]])
    engine.submit_planes(Decoder(machine.driver).planes(PICTURES[2]), stay=True)
    engine.close()
    gc.collect()
    assert equal(tuple(first), wanted[0])
    luma = second.surfaces[0]
    del first, second
    gc.collect()
    assert machine.driver.inside(luma.address, luma.pitch * luma.shape[0]) == "device"  # one plane keeps the block


def test_memory_that_runs_out_is_told(machine: Machine) -> None:
    engine = machine.build()
    pictures = [Decoder(machine.driver).planes(picture) for picture in PICTURES]
    machine.driver.room = machine.driver.used("device") + 3 * 256 * 128
    kept: list[DevicePlanes] = []
    with pytest.raises(DeviceMemoryError, match="on cuda:0 for one picture more, 3 pictures are kept there already"):
        while True:
            kept.append(engine.planes(engine.submit_planes(pictures[len(kept)], stay=True)))
    held = machine.driver.used("host")
    for _ in range(engine.spec.depth * 2):  # no slot is used up by it
        with pytest.raises(DeviceMemoryError):
            engine.submit_planes(pictures[0], stay=True)
    assert machine.driver.used("host") == held
    kept.clear()
    gc.collect()
    assert len([engine.planes(engine.submit_planes(picture, stay=True)) for picture in pictures[:3]]) == 3
    pictures.clear()
    engine.close()


@pytest.mark.parametrize("call", ["join", "copy2d", "launch", "record"])
def test_a_frame_that_cannot_start_leaves_nothing_behind(
    call: str, machine: Machine, wanted: list[graphs.Tensors]
) -> None:
    engine = machine.build()
    decoder = Decoder(machine.driver)
    list(through(engine, [decoder.planes(picture) for picture in PICTURES]))
    before = machine.driver.used("device")
    machine.driver.fail[call] = 1
    with pytest.raises(EngineError, match=f"{call} failed"):
        engine.submit_planes(decoder.planes(PICTURES[0]), stay=True)
    machine.driver.default.clear()
    gc.collect()
    assert machine.driver.used("device") == before
    found = list(through(engine, [decoder.planes(picture) for picture in PICTURES]))
    assert all(equal(tuple(planes), right) for planes, right in zip(found, wanted, strict=True))
    del found
    engine.close()


def test_a_frame_that_fails_on_the_device_gives_its_block_back(machine: Machine, wanted: list[graphs.Tensors]) -> None:
    engine = machine.build()
    picture = Decoder(machine.driver).planes(PICTURES[0])
    machine.library.break_down = 1
    with pytest.raises(EngineError, match="failed on a frame"):
        engine.planes(engine.submit_planes(picture, stay=True))
    before = machine.driver.used("device")
    planes = engine.planes(engine.submit_planes(picture, stay=True))
    assert equal(tuple(planes), wanted[0])
    assert machine.driver.used("device") == before
    del picture, planes
    engine.close()


def test_planes_of_two_places_are_refused(machine: Machine) -> None:
    engine = machine.build()
    luma, *chroma = Decoder(machine.driver).planes(PICTURES[0])
    elsewhere = DevicePlane(luma.shape, luma.dtype, luma.pitch, luma.address, "cuda:1", luma.owner)
    for inputs in ((luma, *PICTURES[0][1:]), (elsewhere, *chroma), (elsewhere, elsewhere, elsewhere)):
        with pytest.raises(MismatchError, match="all on the host or all on cuda:0"):
            engine.submit_planes(inputs, stay=True)
    with pytest.raises(MismatchError, match=r"plane\.0 uint8 \[32, 48\], got uint8 \[16, 24\]"):
        engine.submit_planes((chroma[0], *chroma), stay=True)
    del luma, chroma, elsewhere, inputs
    engine.close()


def test_a_ticket_is_for_one_kind_of_result(machine: Machine, wanted: list[graphs.Tensors]) -> None:
    engine = machine.build()
    with pytest.raises(EngineError, match="stays on the device: it is for `planes`"):
        engine.result(engine.submit_planes(PICTURES[0], stay=True))
    with pytest.raises(EngineError, match="not to stay on the device: it is for `result`"):
        engine.planes(engine.submit(PICTURES[0]))
    found = stream(engine, PICTURES)  # every slot is back
    assert all(equal(a, b) for a, b in zip(found, wanted, strict=True))
    engine.close()


def test_without_graphs_it_is_the_same(wanted: list[graphs.Tensors]) -> None:
    machine = Machine(graphs=False)
    machine.driver.activate()
    engine = machine.build(GRAPH)
    found = list(through(engine, [Decoder(machine.driver).planes(picture) for picture in PICTURES]))
    assert all(equal(tuple(planes), right) for planes, right in zip(found, wanted, strict=True))
    assert not machine.driver.graphs
    engine.close()


def test_padding_is_nobodys(machine: Machine) -> None:
    """Rows are copied without what pads them, in both directions."""
    engine = machine.build()
    planes = engine.planes(engine.submit_planes(Decoder(machine.driver).planes(PICTURES[0]), stay=True))
    luma = planes.surfaces[0]
    rows = machine.driver.bytes_at(luma.address, luma.pitch * luma.shape[0]).reshape(luma.shape[0], luma.pitch)
    assert set(rows[:, luma.row_bytes :].flat) == {RUBBISH}
    del planes, luma, rows
    engine.close()
