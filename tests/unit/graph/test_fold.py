"""The folded graph is the same function with fewer operations."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from streamsr.graph import Model, build_frame_graph, load_model
from streamsr.layout import pixel_layout
from tests.nets import Net, identity, model, nearest, small

from .running import noise, run, stream, worst

LAYOUTS = [
    "yuv420p",
    "nv12",
    "p010le",
    "yuv422p",
    "yuv444p",
    "yuv411p",
    "rgb24",
    "gbrp10le",
    "gray",
    "yuva420p",
    "bgra",
]
NETS = {
    "luma": small("luma"),
    "luma-clip": small("luma", clip=True),
    "luma-plain": small("luma", residual=False),
    "luma-x1": small("luma", 1),
    "rgb": small("rgb", residual=False),
    "rgb-residual": small("rgb"),
    "rgb-clip": small("rgb", clip=True),
    "rgb-dcr": small("rgb", mode="DCR"),
    "rgb-x1": small("rgb", 1),
    "rgb-x3": small("rgb", 3),
    "rgb-x4": small("rgb", 4),
}
MODELS = Path(__file__).parents[3] / "streamsr" / "zoo" / "models"


def operations(proto: onnx.ModelProto, *kinds: str) -> int:
    counts = Counter(node.op_type for node in proto.graph.node)
    return sum(counts[kind] for kind in kinds)


def both(chain: list[Model], layout: str, size=(37, 23), seed=0, **color):
    """Folded and unfolded graph, and how far their pictures of an in-gamut scene are apart."""
    source = stream(layout, size, **color)
    folded, plain = build_frame_graph(chain, source), build_frame_graph(chain, source, fold=False)
    onnx.checker.check_model(folded.proto, full_check=True)
    planes = noise(source.layout, size, 0.45, 0.55, seed)
    return folded, plain, worst(run(folded, planes), run(plain, planes), source.layout)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_folded_equals_unfolded(layout, net):
    _, _, difference = both([NETS[net]], layout)
    assert difference <= 1


@pytest.mark.parametrize("siting", ["left", "center", "topleft", "bottom"])
@pytest.mark.parametrize("net", ["rgb", "rgb-residual", "rgb-x1", "rgb-x4"])
def test_every_siting_folds(net, siting):
    folded, plain, difference = both([NETS[net]], "yuv420p", siting=siting)
    assert difference <= 1
    assert operations(folded.proto, "Conv") < operations(plain.proto, "Conv")


def test_rgb_conversions_vanish_into_the_network():
    folded, plain, _ = both([NETS["rgb"]], "yuv420p", (34, 22))
    assert operations(plain.proto, "Conv") == 3 + 5  # chroma up, matrix; matrix (luma), matrix (chroma), chroma down
    assert operations(folded.proto, "Conv") == 3 + 1  # chroma up alone is left
    assert operations(folded.proto, "Clip") == operations(folded.proto, "Round") == 2
    last = next(node for node in reversed(folded.proto.graph.node) if node.op_type == "Conv" and "Conv" in node.name)
    weights = {c.name: numpy_helper.to_array(c) for c in folded.proto.graph.initializer}
    shapes = {weights[node.input[1]].shape[:2] for node in folded.proto.graph.node if node.op_type == "Conv"}
    assert (6, 8) in shapes, f"four luma and two chroma channels from the last convolution, not {shapes} ({last.name})"


@pytest.mark.parametrize("net", ["luma", "luma-clip", "luma-plain"])
def test_luma_scales_vanish(net):
    folded, plain, difference = both([NETS[net]], "yuv420p")
    assert difference == 0
    assert operations(plain.proto, "Mul") == 2
    assert operations(folded.proto, "Mul") == 0
    assert operations(folded.proto, "Clip") == 2


def test_scales_between_luma_models_cancel():
    folded, plain, difference = both([small("luma", seed=1), small("luma", seed=2)], "yuv420p10le")
    assert operations(plain.proto, "Mul") > operations(folded.proto, "Mul")
    assert difference <= 1


def test_padding_of_its_own_is_looked_through():
    net = Net("rgb")
    pads = net.const(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    net.op("Pad", net.x, pads, mode="reflect")
    weight, bias = net.kernel(8, 3)
    net.op("Conv", net.x, net.const(weight), net.const(bias), kernel_shape=[3, 3])
    net.conv(3, 8)
    folded, plain, difference = both([model(net, "reflect")], "yuv444p")
    assert difference <= 1
    assert operations(folded.proto, "Conv") == 2 < operations(plain.proto, "Conv")


@pytest.mark.parametrize("chain", [[], [identity("rgb")], [nearest("rgb")], [nearest("luma")]])
def test_graphs_without_the_pattern_are_left_alone(chain):
    folded, plain, difference = both(chain, "yuv420p")
    assert difference == 0
    assert operations(folded.proto, "Conv") == operations(plain.proto, "Conv")


def test_networks_with_grouped_ends_are_left_alone():
    net = Net("rgb")
    weight, bias = net.kernel(3, 1)
    net.op("Conv", net.x, net.const(weight), net.const(bias), kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=3)
    folded, plain, difference = both([model(net, "grouped")], "yuv420p")
    assert difference == 0
    assert operations(folded.proto, "Conv") == operations(plain.proto, "Conv")


def test_an_activation_that_clamps_is_no_final_clamp():
    """Only a clamp to [0, 1] in front of a colour matrix may go; one with other limits is part of the function."""
    net = Net("rgb")
    net.conv(3, 3)
    net.op("Clip", net.x, net.const(np.array(0.48, np.float32)), net.const(np.array(0.52, np.float32)))
    source = stream("yuv444p", range="pc")
    planes = noise(source.layout, (34, 22), 0.2, 0.8)
    chain = [model(net, "clamped")]
    ours, theirs = (run(build_frame_graph(chain, source, fold=fold), planes) for fold in (True, False))
    assert worst(ours, theirs, source.layout) == 0
    assert ours[0].min() >= 0.48 * 255 - 1


def test_folding_does_not_touch_the_model():
    chain = [small("rgb")]
    before = chain[0].proto.SerializeToString()
    build_frame_graph(chain, stream("yuv420p"))
    assert chain[0].proto.SerializeToString() == before


@pytest.mark.parametrize("name", ["live-x2.onnx", "live-x2.int8.onnx"])
def test_the_bundled_models_fold(name):
    net = load_model(MODELS / name)
    folded, _, difference = both([net], "yuv420p", (64, 48))
    assert operations(folded.proto, "Mul") == 0
    assert difference <= 1


def test_a_folded_graph_with_another_target():
    source = stream("yuv420p")
    planes = noise(source.layout, (34, 22), 0.45, 0.55)
    for target in ("yuv420p10le", "rgb24", "nv12", "yuv444p", "gray"):
        pair = [build_frame_graph([small("rgb")], source, pixel_layout(target), fold=fold) for fold in (True, False)]
        assert worst(run(pair[0], planes), run(pair[1], planes), pixel_layout(target)) <= 1
