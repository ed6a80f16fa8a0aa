"""The memory of a TensorRT engine: what is lent, what is bounded, what is freed, and what happens where it is short."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

from streamsr.engines import tensorrt_slots
from streamsr.engines.runner import stream
from streamsr.errors import BuildError, DeviceMemoryError
from tests.fake_cuda import FakeDriver

from . import graphs
from .machine import PICTURES, Machine, equal


def test_results_live_in_pinned_memory_until_they_are_forgotten(wanted: list[graphs.Tensors]) -> None:
    machine = Machine()
    engine = machine.build()
    (result,) = stream(engine, PICTURES[:1])
    address = result[0].ctypes.data
    assert machine.driver.inside(address, result[0].nbytes) == "host"
    kept = result[2][3:5]  # any view of any plane keeps the whole frame
    del result
    others = list(stream(engine, PICTURES[1:]))
    assert np.array_equal(kept, wanted[0][2][3:5])
    del kept
    gc.collect()
    again = [output[0].ctypes.data for output in stream(engine, PICTURES)]
    assert address in again  # it came back
    del others
    engine.close()


def test_pinned_memory_stops_growing(wanted: list[graphs.Tensors]) -> None:
    machine = Machine()
    engine = machine.build()
    kept = [output for _ in range(8) for output in stream(engine, PICTURES)]
    assert all(equal(output, wanted[index % 8]) for index, output in enumerate(kept))
    pinned = [output for output in kept if _is_pinned(machine.driver, output[0])]
    assert len(pinned) == 2 * tensorrt_slots._LENT_MAX  # per lane; the others are copies
    before = machine.driver.used("host")
    list(stream(engine, PICTURES))
    assert machine.driver.used("host") == before
    engine.close()


def _is_pinned(driver: FakeDriver, array: np.ndarray) -> bool:
    try:
        return driver.inside(array.ctypes.data, array.nbytes) == "host"
    except AssertionError:
        return False


def test_closing_frees_everything_but_what_is_lent(wanted: list[graphs.Tensors]) -> None:
    machine = Machine()
    engine = machine.build()
    kept = list(stream(engine, PICTURES[:2]))
    engine.submit(PICTURES[2])
    engine.close()
    gc.collect()
    assert machine.driver.used("device") == 0
    assert not machine.driver.streams
    assert not machine.driver.events
    assert not machine.driver.graphs
    assert equal(kept[0], wanted[0])
    assert equal(kept[1], wanted[1])
    assert machine.driver.used("host") > 0

    def forget_elsewhere() -> None:  # the encoder's thread, which has no device of its own
        kept.clear()
        gc.collect()

    thread = threading.Thread(target=forget_elsewhere)
    thread.start()
    thread.join()
    assert machine.driver.used("host") == 0


def test_an_engine_nobody_closes_frees_its_memory() -> None:
    machine = Machine()
    engine = machine.build()
    engine.submit(PICTURES[0])
    del engine
    gc.collect()
    assert not machine.driver.blocks


def test_pinned_memory_that_runs_out_means_copies(
    wanted: list[graphs.Tensors], caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine()
    engine = machine.build()
    machine.driver.host_room = machine.driver.used("host")
    kept = [output for _ in range(4) for output in stream(engine, PICTURES)]
    assert all(equal(output, wanted[index % 8]) for index, output in enumerate(kept))
    assert 0 < sum(_is_pinned(machine.driver, output[0]) for output in kept) < len(kept)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("no more pinned memory, results are copied out of it")
    engine.close()


def test_pinned_memory_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch, wanted: list[graphs.Tensors]) -> None:
    monkeypatch.setattr(tensorrt_slots, "_PINNED_MAX", 0)
    machine = Machine()
    engine = machine.build()
    before = machine.driver.used("host")
    kept = list(stream(engine, PICTURES))
    assert all(equal(a, b) for a, b in zip(kept, wanted, strict=True))
    assert machine.driver.used("host") == before
    engine.close()


@pytest.mark.parametrize("call", ["event", "alloc_host"])
def test_a_slot_that_cannot_be_had_leaves_nothing_behind(call: str, wanted: list[graphs.Tensors]) -> None:
    machine = Machine()
    engine = machine.build()
    machine.driver.fail[call] = 1
    kept = list(stream(engine, PICTURES))
    assert machine.driver.fail[call] == 0
    assert all(equal(a, b) for a, b in zip(kept, wanted, strict=True))
    engine.close()
    del kept
    gc.collect()
    assert not machine.driver.blocks
    assert not machine.driver.events


def need(contexts: int) -> int:
    """Device memory that so many contexts take, in bytes."""
    machine = Machine(contexts=contexts)
    engine = machine.build()
    used = machine.driver.used("device")
    engine.close()
    return used


def test_too_little_memory_means_fewer_contexts(wanted: list[graphs.Tensors], caplog: pytest.LogCaptureFixture) -> None:
    for room in (need(2) - 1, need(1)):  # too little for the second one's tensors, or for its scratch memory
        machine = Machine(room)
        engine = machine.build()
        assert "device memory is enough for 1 of 2 contexts" in caplog.messages[-1]
        assert engine.spec.depth == 2
        assert all(equal(a, b) for a, b in zip(stream(engine, PICTURES), wanted, strict=True))
        engine.close()
        gc.collect()
        assert not machine.driver.blocks


def test_too_little_memory_for_one_is_an_error_of_its_own() -> None:
    for room in (need(1) - 1, 1000):
        machine = Machine(room)
        with pytest.raises(DeviceMemoryError, match="out of memory") as caught:
            machine.build()
        assert not isinstance(caught.value, BuildError)  # not the plan's fault: another precision is no way out
        assert isinstance(caught.value, MemoryError)
        del caught
        gc.collect()
        assert not machine.driver.blocks
        assert not machine.driver.streams


def test_a_network_that_does_not_run_leaves_nothing_behind() -> None:
    machine = Machine()
    machine.library.refuse = 1
    with pytest.raises(BuildError, match=r"the plan loads, but does not run: .*conv_7"):
        machine.build()
    gc.collect()
    assert not machine.driver.blocks
