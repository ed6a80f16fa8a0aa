"""From any layout to any other, without a model and with one."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from streamsr.color import Color
from streamsr.graph import build_frame_graph
from streamsr.layout import LAYOUTS, pixel_layout
from tests.nets import nearest, small

from .running import LAYOUT_NAMES, convert, noise, run, stream

HUB = "yuv444p16le"


def soft(size: tuple[int, int]) -> list[np.ndarray]:
    """A picture that every subsampling can hold: slow ramps, in 16 bits."""
    x, y = np.linspace(0, 1, size[0])[None, :], np.linspace(0, 1, size[1])[:, None]
    codes = [0.3 + 0.4 * x + 0 * y, 0.45 + 0.1 * y + 0 * x, 0.55 - 0.05 * (x + y)]
    return [np.rint(code * 65535).astype(np.uint16) for code in codes]


@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_there_and_back(layout):
    size = (37, 23)
    planes = soft(size)
    there = convert(planes, stream(HUB, size), layout)
    target = pixel_layout(layout)
    assert [plane.shape for plane in there] == list(target.plane_shapes(*size))
    color = build_frame_graph([], stream(HUB, size), target).output.color
    source = stream(layout, size, matrix=color.matrix, range=color.range, siting=color.siting)
    back = convert(there, source, HUB, matrix="smpte170m", range="tv")
    level = 65536 / (1 << target.depth)
    slack = 2.5 * level + (1200 if target.sub_x or target.sub_y else 0)  # chroma ramps lose a little at the edges
    assert np.abs(back[0].astype(int) - planes[0]).max() <= 2.5 * level
    if target.family != "gray":
        assert max(np.abs(b.astype(int) - p).max() for b, p in zip(back[1:], planes[1:], strict=True)) <= slack


@pytest.mark.parametrize("layout", [name for name, layout in LAYOUTS.items() if layout.alpha])
def test_alpha_is_opaque_where_there_was_none_and_kept_where_there_was(layout):
    target = pixel_layout(layout)
    opaque = convert(soft((34, 22)), stream(HUB), layout)
    assert _component(opaque, target, "A").min() == target.peak
    source = stream("yuva444p16le")
    alpha = noise(pixel_layout("gray16le"), (34, 22))[0]
    kept = _component(convert([*soft((34, 22)), alpha], source, layout), target, "A")
    assert np.abs(kept - alpha * (target.peak / 65535)).max() <= 0.51


@pytest.mark.parametrize("layout", [name for name, layout in LAYOUTS.items() if "X" in layout.planes[0]])
def test_padding_is_full(layout):
    planes = convert(soft((34, 22)), stream(HUB), layout)
    assert _component(planes, pixel_layout(layout), "X").min() == 255


@pytest.mark.parametrize("color", ["luma", "rgb"])
@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_enlarged_planes_have_the_right_pixels(layout, color):
    """Every pixel repeated: luma, RGB and alpha of the result are exactly that."""
    size = (37, 23)
    source = stream(layout, size)
    planes = noise(source.layout, size, 0.4, 0.6)
    graph = build_frame_graph([nearest(color)], source)
    onnx.checker.check_model(graph.proto, full_check=True)
    enlarged = run(graph, planes)
    assert [plane.shape for plane in enlarged] == list(source.layout.plane_shapes(74, 46))
    letters = "RGB" if source.layout.family == "rgb" else "Y"
    for letter in letters:
        given, ours = (_component(p, source.layout, letter) for p in (planes, enlarged))
        slack = 0 if (color == "luma") == (letter == "Y") else 1
        if color == "luma" and letter != "Y":
            continue  # chroma is interpolated, not repeated
        assert np.abs(ours.astype(int) - np.repeat(np.repeat(given, 2, 0), 2, 1)).max() <= slack


@pytest.mark.parametrize("fold", [True, False])
def test_chains_mix_colours_and_sizes(fold):
    source = stream("yuv420p", (37, 23))
    planes = noise(source.layout, (37, 23), 0.4, 0.6)
    chain = [nearest("luma", 2), nearest("rgb", 1), nearest("luma", 1), nearest("rgb", 2)]
    graph = build_frame_graph(chain, source, fold=fold)
    assert (graph.output.width, graph.output.height) == (148, 92)
    luma = run(graph, planes)[0]
    assert np.abs(luma.astype(int) - np.repeat(np.repeat(planes[0], 4, 0), 4, 1)).max() <= 1


def test_graphs_are_static_and_within_the_promised_operator_set():
    graph = build_frame_graph([small("rgb")], stream("nv12"))
    assert [entry.version for entry in graph.proto.opset_import] == [18]
    values = [*graph.proto.graph.value_info, *graph.proto.graph.output]
    assert len(values) >= len(graph.proto.graph.node)
    assert all(dim.dim_value > 0 for value in values for dim in value.type.tensor_type.shape.dim)
    first_reads = {node.input[0]: node.op_type for node in graph.proto.graph.node if node.input[0].startswith("plane.")}
    assert set(first_reads.values()) == {"Cast"}  # TensorRT takes uint8 for nothing else


def test_geometry_for_tiles():
    plain = build_frame_graph([small("luma", layers=5)], stream("yuv420p"))
    assert plain.align == 2
    assert plain.halo >= 5 + 4
    chain = build_frame_graph([small("luma"), small("luma")], stream("yuv444p"))
    assert chain.halo >= 3 + 2
    assert build_frame_graph([], stream("yuv410p")).align == 4
    assert build_frame_graph([], stream("yuv444p"), pixel_layout("yuv420p"), Color()).align == 2


def _component(planes, layout, letter):
    index = next(i for i, letters in enumerate(layout.planes) if letter in letters)
    plane, letters = planes[index], layout.planes[index]
    return (plane if len(letters) == 1 else plane[..., letters.index(letter)]) >> layout.shift
