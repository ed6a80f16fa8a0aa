"""The accuracy guard lets good engines pass and stops the others."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamsr.engines.available import load_backend
from streamsr.engines.backend import CompileOptions
from streamsr.engines.guard import PSNR_MAX, Reference, levels, psnr, verify
from streamsr.errors import VerificationError
from streamsr.graph.frame_graph import FrameGraph
from streamsr.graph.planes import to_tensors
from streamsr.layout import pixel_layout
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
    assert psnr(truth.pictures[0][0], np.zeros_like(truth.pictures[0][0])) > 38
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
