"""The accuracy guard lets good engines pass and stops the others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from streamsr.engines.available import load_backend
from streamsr.engines.backend import CompileOptions
from streamsr.engines.base import Array, Engine, Ticket
from streamsr.engines.excerpt import excerpt_plan
from streamsr.engines.guard import Frames, Reference, verify
from streamsr.engines.levels import PSNR_MAX, levels, psnr
from streamsr.engines.runner import stream
from streamsr.errors import VerificationError
from streamsr.graph.frame_graph import FrameGraph, build_frame_graph
from streamsr.graph.planes import to_tensors
from streamsr.graph.stream import StreamFormat
from streamsr.layout import pixel_layout
from streamsr.spec import HALO_MAX
from tests.nets import Net, identity, model, small

from . import graphs

OPTIONS = CompileOptions(threads=2)
TRUTH = graphs.upscaling()


def reference(pictures: list[graphs.Tensors]) -> Reference:
    return Reference(TRUTH, lambda: pictures)


def judge(graph: FrameGraph, against: Reference, precision: str = "fp32"):
    engine = load_backend("openvino").build(graph, precision, OPTIONS)
    try:
        return verify(engine, against)
    finally:
        engine.close()


def constant(value: float) -> FrameGraph:
    """A network whose every pixel is `value`, NaN included."""
    net = Net("luma")
    net.op("Mul", net.x, net.const(np.float32(0)))
    net.op("Add", net.x, net.const(np.float32(value)))
    net.op("Resize", net.x, "", net.const(np.array([1, 1, 2, 2], np.float32)), mode="nearest")
    return graphs.upscaling(model=model(net, "constant", 2))


def test_psnr_is_the_textbooks() -> None:
    a = np.zeros((4, 4), np.float32)
    assert psnr(a, a) == PSNR_MAX
    assert psnr(a, a + 1) == pytest.approx(20 * math.log10(255))
    assert psnr(a, a + 255) == 0


@pytest.mark.parametrize("layout", ["gray", "gray10le", "p010le", "gray16le"])
def test_levels_are_those_of_8_bits(layout: str) -> None:
    pixels = pixel_layout(layout)
    shapes = pixels.plane_shapes(4, 4)
    white = tuple(np.full(shape, pixels.peak << pixels.shift, pixels.dtype) for shape in shapes)
    for plane, shape in zip(levels(to_tensors(white, pixels), pixels), shapes, strict=True):
        assert plane.shape == shape
        assert plane == pytest.approx(255)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_good_engine_passes(precision: str) -> None:
    verdict = judge(TRUTH, reference(graphs.frames(TRUTH.input, 4)), precision)
    assert verdict.conclusive
    assert len(verdict.psnr) == 3
    assert min(verdict.psnr) > 45


def test_other_weights_are_refused() -> None:
    with pytest.raises(VerificationError, match=r"plane 0 of probe frame 0 is \d+\.\d dB .* below 60 dB"):
        judge(graphs.upscaling(model=small("luma", seed=1)), reference(graphs.frames(TRUTH.input)))


@pytest.mark.parametrize("value", [0.0, 1.0, float("nan")], ids=["black", "white", "nan"])
def test_flat_pictures_are_refused(value: float) -> None:
    with pytest.raises(VerificationError, match="plane 0"):
        judge(constant(value), reference(graphs.frames(TRUTH.input)), "int8")


def test_black_is_refused_in_the_dark_too() -> None:
    dark = [(y // 80, u, v) for y, u, v in graphs.frames(TRUTH.input)]
    truth = Reference(graphs.upscaling(model=brightening()), lambda: dark)
    assert psnr(truth.pictures[0].planes[0], np.zeros_like(truth.pictures[0].planes[0])) > 38
    with pytest.raises(VerificationError, match="one flat colour"):
        judge(constant(0.0), truth, "int8")


def brightening():
    net = Net("luma")
    net.op("Mul", net.x, net.const(np.float32(1.5)))
    net.op("Resize", net.x, "", net.const(np.array([1, 1, 2, 2], np.float32)), mode="nearest")
    return model(net, "brightening", 2)


def test_black_frames_prove_nothing() -> None:
    black = [tuple(np.full_like(plane, 16) for plane in planes) for planes in graphs.frames(TRUTH.input, 2)]
    truth = graphs.upscaling(model=identity())
    engine = load_backend("openvino").build(truth, "fp32", OPTIONS)
    assert not verify(engine, Reference(truth, lambda: black)).conclusive
    engine.close()


def test_recurrent_engines_are_judged_from_a_reset_to_a_reset() -> None:
    graph = graphs.running_sum()
    engine = load_backend("openvino").build(graph, "fp32", OPTIONS)
    frame = (np.arange(24, dtype=np.uint8).reshape(4, 6),)
    engine.result(engine.submit(frame))
    assert verify(engine, Reference(graph, lambda: [frame] * 3)).psnr == (PSNR_MAX,)
    assert np.array_equal(engine.result(engine.submit(frame))[0], frame[0])
    engine.close()


BIG = (1024, 640)


def rebuilt(source: StreamFormat, target: StreamFormat) -> FrameGraph:
    return build_frame_graph([small("luma")], source, target.layout, target.color)


def big(layout: str = "yuv420p") -> tuple[FrameGraph, Reference]:
    graph = graphs.upscaling(layout, *BIG)
    return graph, Reference(graph, lambda: graphs.frames(graph.input, 1), rebuilt)


@pytest.mark.parametrize("layout", ["yuv420p", "nv12", "yuv422p10le"])
def test_excerpts_of_big_pictures_are_those_of_the_whole(layout: str) -> None:
    graph, excerpts = big(layout)
    whole = Reference(graph, lambda: excerpts.frames)
    assert len(excerpts.pictures) == 4
    for right in excerpts.pictures:
        planes = excerpts.given(list(in_full(graph, excerpts.frames)), right)
        assert sum(plane.size for plane in right.planes) < sum(p.size for p in whole.pictures[0].planes) / 8
        assert all(psnr(a, b) > 70 for a, b in zip(right.planes, planes, strict=True))
    assert judge(graph, excerpts).conclusive


def in_full(graph: FrameGraph, frames: Frames) -> Iterator[graphs.Tensors]:
    with closing(load_backend("onnxruntime").build(graph, "fp32", OPTIONS)) as engine:
        yield from stream(engine, frames)


def test_of_several_big_frames_the_one_with_most_detail_is_compared() -> None:
    graph, _ = big()
    (telling,) = graphs.frames(graph.input, 1)
    black = tuple(np.full_like(plane, 16) for plane in telling)
    reference = Reference(graph, lambda: [black, telling, black], rebuilt)
    assert [frame is telling for frame in reference.frames] == [True]


def test_only_what_can_be_cut_is_cut() -> None:
    graph, _ = big()
    assert excerpt_plan(graph) is not None
    assert excerpt_plan(replace(graph, halo=HALO_MAX)) is None
    assert excerpt_plan(replace(graph, state=(("state.0", "state.0.next"),))) is None
    assert excerpt_plan(replace(graph, halo=200)) is None
    assert excerpt_plan(TRUTH) is None


def spoiled(engine: Engine, rows: slice, columns: slice) -> Engine:
    """The engine with a part of its luma gone black."""
    inner = engine.result

    def result(ticket: Ticket) -> tuple[Array, ...]:
        luma, *chroma = inner(ticket)
        luma = luma.copy()
        luma[rows, columns] = 0
        return luma, *chroma

    engine.result = result
    return engine


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(slice(640, None), slice(None)), (slice(None), slice(1024)), (slice(0, 460), slice(500, 1000))],
    ids=["lower half", "left half", "a block"],
)
def test_a_fault_in_a_part_of_a_big_picture_is_found(rows: slice, columns: slice) -> None:
    graph, excerpts = big()
    with closing(load_backend("openvino").build(graph, "fp32", OPTIONS)) as engine:
        verify(engine, excerpts)
        with pytest.raises(VerificationError, match="plane 0 of probe frame 0 is"):
            verify(spoiled(engine, rows, columns), excerpts)


def test_flat_parts_of_big_pictures_are_no_fault_where_the_reference_is_flat() -> None:
    """A network that answers white to everything: every excerpt is suspicious, none is wrong."""
    graph = graphs.upscaling("yuv420p", *BIG, model=saturated())

    def white(source: StreamFormat, target: StreamFormat) -> FrameGraph:
        return build_frame_graph([saturated()], source, target.layout, target.color)

    verdict = judge(graph, Reference(graph, lambda: graphs.frames(graph.input, 1), white))
    assert verdict.psnr[0] == PSNR_MAX
    assert not verdict.conclusive


def saturated():
    net = Net("luma")
    net.op("Mul", net.x, net.const(np.float32(0)))
    net.op("Add", net.x, net.const(np.float32(1)))
    net.op("Resize", net.x, "", net.const(np.array([1, 1, 2, 2], np.float32)), mode="nearest")
    return model(net, "saturated", 2)
