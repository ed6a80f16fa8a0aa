"""Folding around the networks that are trained here: signed activations, enlarged residuals, a mean taken off."""

from __future__ import annotations

import numpy as np
import pytest

from streamsr.graph import Model
from tests.nets import Colour, Net, model

from .test_fold import LAYOUTS, both, operations

REPEAT = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def network(color: Colour, scale: int = 2, order: str = "CRD", mean: bool = False, **resize: str) -> Model:
    """`(Sub mean), Conv, LeakyRelu, Conv, DepthToSpace`, and with `resize` the picture enlarged that way added."""
    net = Net(color, seed=3)
    channels = net.channels
    if mean:
        net.op("Sub", net.x, net.const(np.linspace(0.4, 0.5, channels, dtype=np.float32).reshape(channels, 1, 1)))
    net.conv(8, channels)
    net.op("LeakyRelu", net.x, alpha=0.2)
    net.conv(channels * scale**2, 8, 0.1 if resize else 1.0)
    net.op("DepthToSpace", net.x, blocksize=scale, mode=order)
    if resize:
        body, factors = net.x, net.const(np.array([1, 1, scale, scale], np.float32))
        net.op("Add", body, net.op("Resize", "image", "", factors, **{"mode": "nearest", **resize}))
    return model(net, f"{color}-x{scale}", scale, halo=2)


NETS = {
    "luma": network("luma"),
    "luma-repeat": network("luma", **REPEAT),
    "luma-x3-repeat": network("luma", 3, **REPEAT),
    "rgb": network("rgb"),
    "rgb-repeat": network("rgb", **REPEAT),
    "rgb-dcr-repeat": network("rgb", order="DCR", **REPEAT),
    "rgb-x4-repeat": network("rgb", 4, **REPEAT),
    "rgb-halves": network("rgb", coordinate_transformation_mode="half_pixel", nearest_mode="round_prefer_ceil"),
    "rgb-mean": network("rgb", mean=True),
    "rgb-mean-repeat": network("rgb", mean=True, **REPEAT),
    "luma-mean": network("luma", mean=True),
}


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_folded_equals_unfolded(layout: str, net: str) -> None:
    _, _, difference = both([NETS[net]], layout)
    assert difference <= 1


@pytest.mark.parametrize("net", [name for name in NETS if name.startswith("luma")])
def test_scales_vanish_from_luma_networks(net: str) -> None:
    folded, plain, _ = both([NETS[net]], "yuv420p")
    assert (operations(plain.proto, "Mul"), operations(folded.proto, "Mul")) == (2, 0)
    assert operations(folded.proto, "Resize") == 0


@pytest.mark.parametrize("net", [name for name in NETS if name.startswith("rgb")])
def test_conversions_vanish_into_rgb_networks(net: str) -> None:
    """Left are: chroma up, the network's two, and where the picture is added, its share of it."""
    folded, plain, _ = both([NETS[net]], "yuv420p")
    residual = operations(plain.proto, "Resize")
    assert operations(plain.proto, "Conv") == 2 + 2 + 3
    assert operations(folded.proto, "Conv") == 1 + 2 + residual
    assert operations(folded.proto, "Resize") == operations(folded.proto, "Gather") == 0


def test_scales_vanish_from_an_rgb_stream_too() -> None:
    folded, plain, _ = both([NETS["rgb-repeat"]], "rgb24")
    assert (operations(plain.proto, "Mul"), operations(folded.proto, "Mul")) == (2, 0)


@pytest.mark.parametrize(
    "resize",
    [
        {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "floor"},
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "ceil"},
        {"mode": "linear"},
    ],
    ids=["shifted", "shifted-back", "linear"],
)
def test_pictures_enlarged_in_other_ways_stay_where_they_are(resize: dict[str, str]) -> None:
    folded, _, difference = both([network("rgb", **resize)], "yuv420p")
    assert difference <= 1
    assert operations(folded.proto, "Resize") == 1


def test_one_constant_for_all_channels_is_not_taken_for_a_mean() -> None:
    """It could be, but no network needs it; a picture added to itself must not be either."""
    net = Net("rgb")
    net.op("Add", net.x, net.const(np.array(0.01, np.float32)))
    net.op("Add", net.x, net.x)
    net.conv(3, 3, 0.5)
    _, _, difference = both([model(net, "sums")], "yuv420p")
    assert difference <= 1
