"""The TensorRT engine on a device that is not there: what it asks for, in which order, and what the frames become."""

from __future__ import annotations

import gc
import itertools
import threading

import numpy as np
import pytest

from streamsr.bench.device import DeviceClock
from streamsr.engines.runner import stream
from streamsr.errors import EngineError

from . import graphs
from .machine import PICTURES, Machine, equal


def test_the_pictures_are_right_and_in_order(wanted: list[graphs.Tensors]) -> None:
    engine = Machine().build()
    assert engine.spec.depth == 3
    assert all(equal(a, b) for a, b in zip(stream(engine, PICTURES), wanted, strict=True))
    engine.close()


def test_a_capture_holds_the_whole_frame_and_a_frame_is_one_launch() -> None:
    machine = Machine()
    engine = machine.build()
    calls = machine.since(engine)
    for _ in stream(engine, PICTURES):
        pass
    inside = calls[calls.index("begin_capture(stream0)") + 1 : calls.index("end_capture(stream0) -> graph0")]
    assert [call.partition("(")[0] for call in inside] == ["copy", "execute_async_v3", "copy"]
    machine.since(engine)
    engine.result(engine.submit(PICTURES[0]))
    assert [call.partition("(")[0] for call in calls] == ["launch", "record", "wait"]
    engine.close()


def test_frames_go_to_the_contexts_in_turn() -> None:
    machine = Machine(contexts=3)
    engine = machine.build()
    list(stream(engine, PICTURES))
    calls = machine.since(engine)
    tickets = [engine.submit(picture) for picture in PICTURES[: engine.spec.depth]]
    assert engine.spec.depth == 4
    launched = [call.partition(", ")[2] for call in calls if call.startswith("launch")]
    assert launched == ["stream2)", "stream0)", "stream1)", "stream2)"]  # eight frames came before
    for ticket in tickets:
        engine.result(ticket)
    engine.close()


def test_nothing_is_waited_for_before_it_is_asked_for() -> None:
    machine = Machine()
    engine = machine.build()
    calls = machine.since(engine)
    ticket = engine.submit(PICTURES[0])
    assert not [call for call in calls if call.startswith(("wait", "synchronize"))]
    engine.result(ticket)
    (wait,) = [call for call in calls if call.startswith(("wait", "synchronize"))]
    assert wait.startswith("wait(event")
    engine.close()


def test_results_may_be_taken_in_any_order(wanted: list[graphs.Tensors]) -> None:
    engine = Machine().build()
    tickets = [engine.submit(picture) for picture in PICTURES[:3]]
    assert equal(engine.result(tickets[2]), wanted[2])
    assert equal(engine.result(tickets[0]), wanted[0])
    assert equal(engine.result(tickets[1]), wanted[1])
    engine.close()


def test_another_thread_may_drive(wanted: list[graphs.Tensors]) -> None:
    engine = Machine().build()
    results: list[graphs.Tensors] = []
    thread = threading.Thread(target=lambda: results.extend(stream(engine, PICTURES)))
    thread.start()
    thread.join()
    assert all(equal(a, b) for a, b in zip(results, wanted, strict=True))
    engine.close()


def test_state_goes_back_and_forth_on_the_device() -> None:
    machine = Machine()
    engine = machine.build(graphs.running_sum(with_reset=True))
    assert engine.spec.depth == 1
    places = [call for call in machine.calls if call.startswith("set_tensor_address(state")]
    assert len({call.split(", ")[1] for call in places}) == 2  # both ways were run before any capture
    calls = machine.since(engine)
    frames = [(np.full((4, 6), value, np.uint8),) for value in (1, 2, 3, 4)]
    for _ in range(2):
        assert [int(output[0, 0]) for (output,) in stream(engine, frames)] == [101, 103, 106, 110]
        engine.reset()
    places = {call for call in calls if call.startswith("set_tensor_address(state")}
    assert len(places) == 4  # two tensors, each at either half
    assert len([call for call in calls if call.startswith("begin_capture")]) <= 4  # two slots, both ways
    assert [call for call in calls if call.startswith("zero")] == 2 * ["zero(device2, 256, stream0)"]
    engine.close()


def test_an_odd_number_of_frames_before_a_reset() -> None:
    engine = Machine().build(graphs.running_sum())
    frames = [(np.full((4, 6), value, np.uint8),) for value in (1, 2, 3)]
    for _ in range(3):
        assert [int(output[0, 0]) for (output,) in stream(engine, frames)] == [1, 3, 6]
        engine.reset()
    engine.close()


def test_a_frame_that_tensorrt_refuses_is_that_frames_error(wanted: list[graphs.Tensors]) -> None:
    machine = Machine(graphs=False)
    engine = machine.build()
    tickets = [engine.submit(PICTURES[0])]
    machine.library.refuse = 1
    with pytest.raises(EngineError, match=r"tensorrt-rtx failed to start a frame: .*conv_7"):
        engine.submit(PICTURES[1])
    tickets.append(engine.submit(PICTURES[2]))
    assert equal(engine.result(tickets[0]), wanted[0])
    assert equal(engine.result(tickets[1]), wanted[2])
    assert all(equal(a, b) for a, b in zip(stream(engine, PICTURES), wanted, strict=True))
    engine.close()


def test_a_frame_that_fails_on_the_device_is_that_frames_error(wanted: list[graphs.Tensors]) -> None:
    machine = Machine()
    engine = machine.build()
    list(stream(engine, PICTURES))
    machine.library.break_down = 1
    tickets = [engine.submit(picture) for picture in PICTURES[:2]]
    with pytest.raises(EngineError, match="tensorrt-rtx failed on a frame: an illegal memory access"):
        engine.result(tickets[0])
    assert equal(engine.result(tickets[1]), wanted[1])
    machine.library.break_down = 1
    engine.submit(PICTURES[0])
    engine.close()
    gc.collect()
    assert not machine.driver.blocks
    assert not machine.driver.events
    assert not machine.driver.graphs


def test_state_survives_a_refused_frame() -> None:
    machine = Machine(graphs=False)
    engine = machine.build(graphs.running_sum())
    frames = [(np.full((4, 6), value, np.uint8),) for value in (1, 2, 3)]
    assert engine.result(engine.submit(frames[0]))[0][0, 0] == 1
    machine.library.refuse = 1
    with pytest.raises(EngineError):
        engine.submit(frames[1])
    assert engine.result(engine.submit(frames[2]))[0][0, 0] == 4
    engine.close()


@pytest.mark.parametrize("trouble", ["begin_capture", "end_capture", "refused"])
def test_without_graphs_it_goes_on_and_says_so_once(
    trouble: str, wanted: list[graphs.Tensors], caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine()
    engine = machine.build()
    if trouble == "refused":
        machine.library.refuse = 1
    else:
        machine.driver.fail[trouble] = 2  # for both contexts
    assert all(equal(a, b) for a, b in zip(stream(engine, PICTURES), wanted, strict=True))
    (warning,) = caplog.messages
    assert warning.startswith("no CUDA graphs, each frame is put together anew")
    assert not machine.driver.captured
    engine.close()


def test_what_cannot_be_captured_yet_is_captured_later(
    wanted: list[graphs.Tensors], caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine()
    engine = machine.build()
    machine.library.capturable = False
    assert all(equal(a, b) for a, b in zip(stream(engine, PICTURES), wanted, strict=True))
    assert engine.device_seconds(2) > 0
    assert not machine.driver.graphs
    machine.library.capturable = True
    assert all(equal(a, b) for a, b in zip(stream(engine, PICTURES), wanted, strict=True))
    assert machine.driver.graphs
    assert caplog.messages == []
    engine.close()


def test_what_is_never_captured_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine()
    machine.library.capturable = False
    engine = machine.build()
    for count, said in ((180, 0), (40, 1), (220, 1)):  # a hundred on each of two contexts
        for _ in stream(engine, itertools.islice(itertools.cycle(PICTURES), count)):
            pass
        assert len(caplog.messages) == said
    assert caplog.messages[0].startswith("no CUDA graph after 100 frames, which is slower")
    engine.close()


def test_captures_of_two_devices_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = Machine(), Machine()
    engines = [machine.build() for machine in machines]
    begun, end = threading.Event(), threading.Event()
    capture = machines[0].driver.end_capture

    def slowly(stream: int) -> int:
        begun.set()
        assert end.wait(10)
        return capture(stream)

    monkeypatch.setattr(machines[0].driver, "end_capture", slowly)
    first = threading.Thread(target=lambda: engines[0].result(engines[0].submit(PICTURES[0])))
    second = threading.Thread(target=lambda: engines[1].result(engines[1].submit(PICTURES[0])))
    first.start()
    assert begun.wait(10)
    second.start()
    second.join(0.2)
    assert not machines[1].driver.captured
    assert not gc.isenabled()
    end.set()
    for thread in (first, second):
        thread.join()
    assert gc.isenabled()
    for engine in engines:
        engine.close()


def test_an_interrupted_capture_is_over(monkeypatch: pytest.MonkeyPatch, wanted: list[graphs.Tensors]) -> None:
    machine = Machine()
    engine = machine.build()

    def interrupted(*_: object) -> None:
        assert machine.driver.captured
        assert not gc.isenabled()  # what it frees would break the capture
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(machine.driver, "copy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            engine.submit(PICTURES[0])
    assert gc.isenabled()
    assert not machine.driver.captured
    assert all(equal(a, b) for a, b in zip(stream(engine, PICTURES), wanted, strict=True))
    engine.close()
    gc.collect()
    assert not machine.driver.blocks


def test_the_network_alone_is_timed_on_the_device(wanted: list[graphs.Tensors]) -> None:
    machine = Machine()
    engine = machine.build()
    engine.result(engine.submit(PICTURES[0]))
    calls = machine.since(engine)
    assert isinstance(engine, DeviceClock)
    assert engine.device_seconds(20) == pytest.approx(0.020)
    assert not [call for call in calls if call.startswith("copy")]
    assert len([call for call in calls if call.startswith("launch")]) == 20
    assert all(equal(a, b) for a, b in zip(stream(engine, PICTURES), wanted, strict=True))
    engine.close()
    recurrent = Machine().build(graphs.running_sum())
    frame = (np.full((4, 6), 5, np.uint8),)
    assert recurrent.result(recurrent.submit(frame))[0][0, 0] == 5
    recurrent.device_seconds(3)
    assert recurrent.result(recurrent.submit(frame))[0][0, 0] == 10
    recurrent.close()
