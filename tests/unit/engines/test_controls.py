"""Engines that are told with every frame what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from streamsr.engines.autotile import tile_plan
from streamsr.engines.available import available_backends, load_backend
from streamsr.engines.backend import CompileOptions
from streamsr.engines.base import Engine
from streamsr.engines.compile import Candidate, compile_engine
from streamsr.engines.runner import stream
from streamsr.engines.tiling import TiledEngine, sample_tile
from streamsr.errors import MismatchError
from streamsr.graph.frame_graph import FrameGraph, build_frame_graph
from tests.stylizers import INK, MIXED, PLAIN, stylizer_model

from . import graphs

pytestmark = pytest.mark.torch

OPTIONS = CompileOptions(threads=1, cache=False)
INSTALLED = [name for name, reason in available_backends().items() if reason is None]
SIZE = 267, 91
TILE = 176


def graph(size: tuple[int, int] = SIZE, look: graphs.Tensors | None = None, layout: str = "yuv420p") -> FrameGraph:
    conditions = {0: look} if look else None
    return build_frame_graph([stylizer_model()], graphs.stream_format(layout, *size), conditions=conditions)


def tiled(whole: FrameGraph, backend: str, look: graphs.Tensors | None = None) -> TiledEngine:
    plan = tile_plan(whole, TILE)
    assert plan is not None
    inner = load_backend(backend).build(graph((plan.width, plan.height), look), "fp32", OPTIONS)
    return TiledEngine(inner, plan, whole.input, whole.output)


@pytest.fixture(params=[(name, way) for name in INSTALLED for way in ("whole", "tiled")], ids="-".join)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    backend, way = request.param
    made = tiled(graph(), backend) if way == "tiled" else load_backend(backend).build(graph(), "fp32", OPTIONS)
    yield made
    made.close()


def run(engine: Engine, arrays: graphs.Tensors) -> graphs.Tensors:
    return engine.result(engine.submit(arrays))


def test_what_it_takes(engine: Engine) -> None:
    assert [(tensor.name, tensor.shape, tensor.dtype) for tensor in engine.spec.inputs[3:]] == [
        ("style_weights", (1, 3), np.dtype(np.float32)),
        ("strength", (1, 1), np.dtype(np.float32)),
    ]
    assert engine.spec.inputs[0].shape == SIZE[::-1]
    assert engine.spec.controls == ("style_weights", "strength")


def test_frames_in_flight_have_looks_of_their_own(engine: Engine) -> None:
    (planes,) = graphs.frames(graph().input, 1)
    looks = [INK, MIXED, PLAIN, INK, PLAIN, MIXED]
    results = list(stream(engine, [(*planes, *look) for look in looks]))
    for look, result in zip(looks, results, strict=True):
        with_it_alone = load_backend("onnxruntime").build(graph(look=look), "fp32", OPTIONS)
        assert graphs.largest_difference(result, run(with_it_alone, planes), graph().output) <= 1
        with_it_alone.close()
    assert graphs.largest_difference(results[0], results[2], graph().output) > 10


def test_controls_are_copied(engine: Engine) -> None:
    (planes,) = graphs.frames(graph().input, 1)
    wanted = run(engine, (*planes, *INK))
    weights, strength = (array.copy() for array in INK)
    ticket = engine.submit((*planes, weights, strength))
    weights[...], strength[...] = 0, 0
    assert graphs.largest_difference(engine.result(ticket), wanted, graph().output) == 0


def test_wrong_controls_are_refused(engine: Engine) -> None:
    (planes,) = graphs.frames(graph().input, 1)
    with pytest.raises(MismatchError, match="takes 3 planes and style_weights and strength, got 3"):
        engine.submit(planes)
    with pytest.raises(MismatchError, match=r"style_weights float32 \[1, 3\], got float32 \[1, 2\]"):
        engine.submit((*planes, INK[0][:, :2], INK[1]))
    with pytest.raises(MismatchError, match=r"strength float32 \[1, 1\], got float64"):
        engine.submit((*planes, INK[0], INK[1].astype(np.float64)))


@pytest.mark.parametrize("name", INSTALLED)
def test_baked_and_tiled_it_shows_no_seam(name: str) -> None:
    whole = graph(look=MIXED)
    pictures = graphs.frames(whole.input, 2)
    one, many = load_backend(name).build(whole, "fp32", OPTIONS), tiled(whole, name, MIXED)
    for a, b in zip(stream(one, pictures), stream(many, pictures), strict=True):
        assert graphs.largest_difference(a, b, whole.output) <= 1
    one.close()
    many.close()


@pytest.mark.parametrize("size", [(96, 64), (720, 480)], ids=["whole", "in excerpts"])
def test_a_told_engine_passes_the_guard(size: tuple[int, int]) -> None:
    reference = graph(size)
    probe = [(*planes, *MIXED) for planes in graphs.frames(reference.input, 2)]
    options = replace(OPTIONS, backend="openvino")

    def resized(source, target) -> FrameGraph:
        return build_frame_graph([stylizer_model()], source, target.layout, target.color)

    engine = compile_engine([Candidate("fp32", reference)], reference, options, lambda: probe, resized)
    assert engine.spec.controls == ("style_weights", "strength")
    engine.close()


def test_the_sample_of_a_tile_keeps_its_controls() -> None:
    whole = graph()
    plan = tile_plan(whole, TILE)
    assert plan is not None
    sample = sample_tile((*graphs.frames(whole.input, 1)[0], *MIXED), whole.input, plan)
    assert sample[0].shape == (plan.height, plan.width)
    assert sample[3:] == MIXED
