"""A chain that changes nothing returns the planes it was given, on every layout."""

from __future__ import annotations

import numpy as np
import pytest

from streamsr.graph import build_frame_graph, to_planes, to_tensors
from streamsr.layout import pixel_layout
from tests.nets import identity

from .running import EVEN, LAYOUT_NAMES, ODD, noise, run, stream, worst


@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_planes_survive_bit_for_bit(layout):
    for size, chain in zip([ODD, EVEN, ODD], ([], [identity("luma")], [identity("luma", multiple_of=8)]), strict=True):
        source = stream(layout, size)
        planes = noise(source.layout, size)
        for ours, given in zip(run(build_frame_graph(chain, source), planes), planes, strict=True):
            if source.layout.family == "rgb" and chain:
                assert np.abs(ours.astype(int) - given).max() <= 1  # through YCbCr and back
            else:
                np.testing.assert_array_equal(ours, given)


@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_planes_survive_rgb_within_a_level(layout):
    for size, multiple in ((EVEN, 1), (ODD, 4)):
        source = stream(layout, size)
        planes = noise(source.layout, size)
        graph = build_frame_graph([identity("rgb", multiple_of=multiple)], source)
        assert worst(run(graph, planes), planes, source.layout) <= 1


@pytest.mark.parametrize("siting", ["left", "center", "topleft", "top", "bottomleft", "bottom"])
@pytest.mark.parametrize("layout", ["yuv420p", "yuv422p10le", "yuv440p", "yuv411p", "yuv410p"])
def test_chroma_is_not_worn_out_by_rgb(layout, siting):
    source = stream(layout, (37, 23), siting=siting)
    planes = noise(source.layout, (37, 23))
    for _ in range(5):
        again = run(build_frame_graph([identity("rgb")], source), planes)
        assert worst(again, planes, source.layout) <= 1
        planes = list(again)


def test_sixteen_bit_planes_cross_without_a_copy():
    layout = pixel_layout("p010le")
    planes = noise(layout, (34, 22))
    tensors = to_tensors(planes, layout)
    assert [tensor.shape for tensor in tensors] == [(22, 34, 2), (11, 17, 2, 2)]
    back = to_planes(tensors, layout)
    for tensor, given, returned in zip(tensors, planes, back, strict=True):
        assert np.shares_memory(tensor, given)
        assert np.shares_memory(returned, given)
        assert returned.dtype == np.uint16
        np.testing.assert_array_equal(returned, given)


def test_strided_rows_stay_views():
    layout = pixel_layout("gray10le")
    wide = np.arange(8 * 64, dtype=np.uint16).reshape(8, 64)[:, :48]
    (tensor,) = to_tensors([wide], layout)
    assert np.shares_memory(tensor, wide)
    np.testing.assert_array_equal(tensor[..., 0] + 256 * tensor[..., 1].astype(int), wide)
