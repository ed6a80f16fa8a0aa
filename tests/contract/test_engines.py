"""What every engine promises, whatever runs inside it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from streamsr.engines.available import BACKENDS, available_backends, load_backend
from streamsr.engines.backend import CompileOptions
from streamsr.engines.base import Engine
from streamsr.engines.fleet import Fleet
from streamsr.engines.runner import stream
from streamsr.engines.tiles import plan_tiles
from streamsr.engines.tiling import TiledEngine
from streamsr.errors import BuildError, ConfigError, EngineError, MismatchError
from streamsr.graph.frame_graph import FrameGraph
from tests.fake_tensorrt import build_on_fake
from tests.unit.engines import graphs

INSTALLED = [name for name, reason in available_backends().items() if reason is None]
OPTIONS = CompileOptions(threads=2)
Build = Callable[[FrameGraph], Engine]


def build_tiled(graph: FrameGraph) -> Engine:
    plan = plan_tiles(graph.input.width, graph.input.height, 40, graph.halo, graph.align)
    inner = load_backend("openvino").build(graphs.upscaling("yuv420p", plan.width, plan.height), "fp32", OPTIONS)
    return TiledEngine(inner, plan, graph.input, graph.output)


def build_fleet(graph: FrameGraph) -> Engine:
    return Fleet([load_backend("onnxruntime").build(graph, "fp32", OPTIONS) for _ in range(2)])


BUILDERS: dict[str, Build] = {
    **{name: lambda graph, name=name: load_backend(name).build(graph, "fp32", OPTIONS) for name in INSTALLED},
    "tiled": build_tiled,
    "fleet": build_fleet,
    "tensorrt on a fake device": build_on_fake,
}


@pytest.fixture(params=BUILDERS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine = BUILDERS[request.param](graphs.upscaling())
    yield engine
    engine.close()


@pytest.fixture(params=[name for name in BUILDERS if name not in ("tiled", "fleet")])
def build(request: pytest.FixtureRequest) -> Iterator[Build]:
    """Builds any graph on one backend; closes what it built."""
    built: list[Engine] = []

    def build(graph: FrameGraph) -> Engine:
        built.append(BUILDERS[request.param](graph))
        return built[-1]

    yield build
    for engine in built:
        engine.close()


@pytest.fixture
def pictures() -> list[graphs.Tensors]:
    return graphs.frames(graphs.stream_format(), 6)


def equal(a: graphs.Tensors, b: graphs.Tensors) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def run(engine: Engine, planes: graphs.Tensors) -> graphs.Tensors:
    return engine.result(engine.submit(planes))


def test_the_bundled_backends_are_installed() -> None:
    assert list(BACKENDS)[:4] == ["tensorrt", "tensorrt-rtx", "openvino", "onnxruntime"]
    assert {"openvino", "onnxruntime"} <= set(INSTALLED)


def test_spec_tells_planes(engine: Engine) -> None:
    assert [tensor.shape for tensor in engine.spec.inputs] == [(32, 48), (16, 24), (16, 24)]
    assert [tensor.shape for tensor in engine.spec.outputs] == [(64, 96), (32, 48), (32, 48)]
    assert {tensor.dtype for tensor in (*engine.spec.inputs, *engine.spec.outputs)} == {np.dtype(np.uint8)}
    assert engine.spec.depth >= 1
    assert engine.spec.state == ()


def test_results_are_as_the_spec_says(engine: Engine, pictures: list[graphs.Tensors]) -> None:
    for tensor, output in zip(engine.spec.outputs, run(engine, pictures[0]), strict=True):
        assert (output.shape, output.dtype) == (tensor.shape, tensor.dtype)
        assert output.flags.c_contiguous
        assert output.flags.writeable
        assert np.ptp(output) > 50


def test_a_frame_gives_the_same_result_every_time(engine: Engine, pictures: list[graphs.Tensors]) -> None:
    first = run(engine, pictures[0])
    assert not equal(first, run(engine, pictures[1]))
    assert equal(first, run(engine, pictures[0]))


def test_results_belong_to_the_caller(engine: Engine, pictures: list[graphs.Tensors]) -> None:
    kept = [run(engine, planes) for planes in pictures]
    copies = [tuple(plane.copy() for plane in planes) for planes in kept]
    for planes in kept[0]:
        planes[...] = 77  # writing into one's own harms nobody
    again = [run(engine, planes) for planes in pictures]
    assert equal(again[0], copies[0])
    assert all(equal(a, b) for a, b in zip(kept[1:], copies[1:], strict=True))
    arrays = [plane for planes in (*kept, *again) for plane in planes]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])


def test_inputs_may_be_reused_at_once(engine: Engine, pictures: list[graphs.Tensors]) -> None:
    wanted = run(engine, pictures[0])
    planes = tuple(plane.copy() for plane in pictures[0])
    ticket = engine.submit(planes)
    for plane in planes:
        plane[...] = 0
    assert equal(engine.result(ticket), wanted)


@pytest.mark.parametrize("mangle", ["padded", "reversed", "transposed", "read-only"])
def test_strides_do_not_matter(engine: Engine, pictures: list[graphs.Tensors], mangle: str) -> None:
    def strided(plane: np.ndarray) -> np.ndarray:
        if mangle == "padded":
            wide = np.full((plane.shape[0] + 3, plane.shape[1] + 13), 255, np.uint8)
            wide[1:-2, 5:-8] = plane
            return wide[1:-2, 5:-8]
        if mangle == "reversed":
            return np.ascontiguousarray(plane[::-1])[::-1]
        view = np.asfortranarray(plane) if mangle == "transposed" else plane.copy()
        view.flags.writeable = False
        return view

    assert equal(run(engine, tuple(map(strided, pictures[0]))), run(engine, pictures[0]))


def test_results_may_be_taken_in_any_order(engine: Engine, pictures: list[graphs.Tensors]) -> None:
    wanted = [run(engine, planes) for planes in pictures]
    count = min(engine.spec.depth, len(pictures))
    tickets = [engine.submit(planes) for planes in pictures[:count]]
    for index in reversed(range(count)):
        assert equal(engine.result(tickets[index]), wanted[index])


def test_stream_keeps_the_order(engine: Engine, pictures: list[graphs.Tensors]) -> None:
    wanted = [run(engine, planes) for planes in pictures]
    assert all(equal(a, b) for a, b in zip(stream(engine, pictures), wanted, strict=True))


def test_more_than_depth_in_flight_is_refused(engine: Engine, pictures: list[graphs.Tensors]) -> None:
    tickets = [engine.submit(pictures[0]) for _ in range(engine.spec.depth)]
    with pytest.raises(EngineError, match="take a result"):
        engine.submit(pictures[0])
    results = [engine.result(ticket) for ticket in tickets]
    assert all(equal(result, results[0]) for result in results)
    assert equal(run(engine, pictures[0]), results[0])


def test_wrong_planes_are_refused(engine: Engine, pictures: list[graphs.Tensors]) -> None:
    y, u, v = pictures[0]
    wanted = run(engine, pictures[0])
    with pytest.raises(MismatchError, match="takes 3 planes, got 2"):
        engine.submit((y, u))
    with pytest.raises(MismatchError, match=r"plane\.1 uint8 \[16, 24\], got uint8 \[16, 23\]"):
        engine.submit((y, u[:, :-1], v))
    with pytest.raises(MismatchError, match=r"plane\.0 uint8 \[32, 48\], got uint16"):
        engine.submit((y.astype(np.uint16), u, v))
    assert equal(run(engine, pictures[0]), wanted)


def test_a_ticket_is_good_once(engine: Engine, pictures: list[graphs.Tensors]) -> None:
    ticket = engine.submit(pictures[0])
    engine.result(ticket)
    with pytest.raises(EngineError, match="redeemed before"):
        engine.result(ticket)


def test_reset_between_independent_frames_changes_nothing(engine: Engine, pictures: list[graphs.Tensors]) -> None:
    wanted = run(engine, pictures[0])
    engine.reset()
    assert equal(run(engine, pictures[0]), wanted)


def test_close_ends_everything(engine: Engine, pictures: list[graphs.Tensors]) -> None:
    kept = run(engine, pictures[0])
    copy = tuple(plane.copy() for plane in kept)
    ticket = engine.submit(pictures[1])
    engine.close()
    engine.close()
    assert equal(kept, copy)
    with pytest.raises(EngineError, match="closed"):
        engine.submit(pictures[0])
    with pytest.raises(EngineError, match="closed"):
        engine.result(ticket)


@pytest.mark.parametrize("name", BUILDERS)
def test_no_thread_is_left(name: str, pictures: list[graphs.Tensors]) -> None:
    before = set(threading.enumerate())
    for _ in range(3):
        engine = BUILDERS[name](graphs.upscaling())
        engine.submit(pictures[0])
        engine.close()
    assert set(threading.enumerate()) <= before


CARELESS = """
import sys
from tests.contract.test_engines import BUILDERS
from tests.unit.engines import graphs
graph = graphs.upscaling("yuv420p", 480, 320) if sys.argv[1] != "tiled" else graphs.upscaling()
planes = graphs.frames(graph.input, 1)[0]
for _ in range(3):
    engine = BUILDERS[sys.argv[1]](graph)
    tickets = [engine.submit(planes) for _ in range(engine.spec.depth)]
print("end")
"""


@pytest.mark.parametrize("name", BUILDERS)
def test_an_engine_nobody_closes_ends_well(name: str) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", CARELESS, name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=root, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_a_result_is_never_the_input(build: Build) -> None:
    engine = build(graphs.passthrough())
    plane = np.arange(24, dtype=np.uint8).reshape(4, 6)
    (first,) = run(engine, (plane,))
    (second,) = run(engine, (plane[::-1],))
    assert np.array_equal(first, plane)
    assert np.array_equal(second, plane[::-1])
    assert not np.shares_memory(first, plane)


@pytest.mark.parametrize("with_reset", [False, True])
def test_state_is_carried_until_reset(build: Build, with_reset: bool) -> None:
    engine = build(graphs.running_sum(with_reset=with_reset))
    start = 100 if with_reset else 0
    assert [tensor.name for tensor in engine.spec.inputs] == ["plane.0"]
    assert [tensor.name for tensor in engine.spec.outputs] == ["out.0"]
    assert [(a.name, b.name) for a, b in engine.spec.state] == [("state.0", "state.0.next")]
    assert engine.spec.depth == 1
    frames = [np.full((4, 6), value, np.uint8) for value in (1, 2, 3, 4)]
    for _ in range(2):
        outputs = [run(engine, (frame,))[0] for frame in frames]
        assert [set(output.flat) for output in outputs] == [{start + total} for total in (1, 3, 6, 10)]
        engine.reset()


def test_two_recurrent_engines_do_not_share_state(build: Build) -> None:
    one, two = build(graphs.running_sum()), build(graphs.running_sum())
    frame = (np.full((4, 6), 5, np.uint8),)
    run(one, frame)
    assert set(run(two, frame)[0].flat) == {5}
    assert set(run(one, frame)[0].flat) == {10}


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.parametrize("graph", [graphs.upscaling(), graphs.running_sum()], ids=["stateless", "recurrent"])
def test_a_restored_engine_is_the_same(name: str, graph: FrameGraph) -> None:
    backend = load_backend(name)
    fresh = backend.build(graph, "fp32", OPTIONS)
    restored = backend.restore(fresh.export(), graph, "fp32", OPTIONS)
    inputs = graphs.frames(graph.input, 4)
    assert restored.spec == fresh.spec
    for a, b in zip(stream(restored, inputs), stream(fresh, inputs), strict=True):
        assert equal(a, b)
    fresh.close()
    restored.close()


@pytest.mark.parametrize("name", INSTALLED)
def test_what_cannot_be_compiled_is_a_build_error(name: str) -> None:
    backend = load_backend(name)
    graph = graphs.passthrough()
    graph.proto.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(BuildError, match=name):
        backend.build(graph, "fp32", OPTIONS)
    with pytest.raises(BuildError, match="no precision 'fp7'"):
        backend.build(graphs.passthrough(), "fp7", OPTIONS)
    with pytest.raises(ConfigError, match="TPU"):
        backend.identity("TPU")


@pytest.mark.parametrize("name", INSTALLED)
def test_precisions_begin_with_fp32(name: str) -> None:
    backend = load_backend(name)
    assert backend.precisions("CPU")[0] == "fp32"
    assert set(backend.precisions("CPU")) <= {"fp32", "bf16", "int8"}
    assert backend.name == name
    assert backend.version[0].isdigit()
