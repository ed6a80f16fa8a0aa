"""ECB: a plain 3x3 luma network trained through edge-oriented convolution blocks.

After Zhang, Zeng, Zhang, "Edge-oriented Convolution Block for Real-time Super Resolution on Mobile Devices"
(ACM Multimedia 2021). While it learns, each 3x3 convolution is a sum of linear branches (3x3; 1x1 then 3x3; 1x1
then Sobel x, Sobel y and Laplacian). As in SESR (Bhardwaj et al., MLSys 2022) the branches are collapsed into one
kernel at every step, so a step costs what a plain network's does. The branches carry no inner bias: under zero
padding a bias before a 3x3 would make the border differ, and what it adds elsewhere the outer bias can say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import Generator
from .conv import Conv

EDGES = (
    ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0)),
    ((1.0, 2.0, 1.0), (0.0, 0.0, 0.0), (-1.0, -2.0, -1.0)),
    ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0)),
)
"""Sobel x, Sobel y, Laplacian."""

START_SLOPE = 0.25
"""Of He et al., "Delving Deep into Rectifiers" (ICCV 2015)."""

Layer = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class EcbConfig:
    """Shape of the network. The paper's M8C16 is the default; M4C16 is `depth=4`."""

    scale: int = 2
    width: int = 16
    """Channels of the features; multiples of 16 run best on CPUs."""
    depth: int = 8
    """Convolutions between the first and the last."""
    expand: int = 2
    """Inner channels of the 1x1-3x3 branch over `width`; costs nothing once collapsed."""
    activation: Literal["relu", "prelu"] = "relu"
    """`prelu` has a learned slope below zero, one for each layer: exported as LeakyRelu, it is as fast as ReLU but for
    int8. It keeps alive the channels of the first layer, to which all brightness lies on one side of zero."""
    centred: bool = False
    """Let the kernels of the first convolution sum to zero, and replicate the picture's border before it: features tell
    of differences, never of brightness, so none is wasted on it and the border is no edge. What ReLU needs to do as
    well as PReLU."""
    skip: bool = False
    """Add the first features to those before the last convolution, as SESR does."""


class EdgeBlock(nn.Module):
    """A 3x3 convolution as a sum of linear branches; with `skip` (inputs and outputs alike) the identity is one."""

    edges: Tensor

    def __init__(self, inputs: int, outputs: int, expand: int, skip: bool = False) -> None:
        super().__init__()
        inner = expand * max(inputs, outputs)
        self.plain = nn.Parameter(_uniform(outputs, inputs, 3, 3))
        self.squeeze = nn.Parameter(_uniform(inner, inputs))
        self.widen = nn.Parameter(_uniform(outputs, inner, 3, 3))
        self.edge_mix = nn.Parameter(_uniform(len(EDGES), outputs, inputs))
        self.edge_gain = nn.Parameter(1e-3 * torch.randn(len(EDGES), outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("edges", torch.tensor(EDGES), persistent=False)
        self.skip = skip

    def collapse(self) -> Conv:
        """The one kernel that equals the sum of the branches, in float32 even under autocast."""
        with torch.autocast(self.plain.device.type, enabled=False):
            weight = self.plain + torch.einsum("omhw,mi->oihw", self.widen, self.squeeze)
            weight = weight + torch.einsum("eo,eoi,ehw->oihw", self.edge_gain, self.edge_mix, self.edges)
            if self.skip:
                weight = weight + F.pad(torch.eye(len(self.bias), device=weight.device)[..., None, None], (1, 1, 1, 1))
        return Conv(weight, self.bias)


class Ecb(Generator):
    """Luma super-resolution: `(N, 1, H, W)` float in [0, 1] -> `(N, 1, scale * H, scale * W)`, not clipped."""

    Config = EcbConfig
    config: EcbConfig
    color = "luma"

    def __init__(self, config: EcbConfig) -> None:
        super().__init__(config)
        width, expand = config.width, config.expand
        head = EdgeBlock(1, width, expand)
        body = [EdgeBlock(width, width, expand, skip=True) for _ in range(config.depth)]
        tail = EdgeBlock(width, config.scale**2, expand)
        self.blocks = nn.ModuleList([head, *body, tail])
        if config.activation == "prelu":
            self.slopes = nn.Parameter(torch.full((config.depth + 1,), START_SLOPE))

    @property
    def halo(self) -> int:
        """Input pixels around an output pixel that can influence it."""
        return len(self.blocks)

    def collapse(self) -> list[Conv]:
        """The plain network: one 3x3 convolution per block, the activation after each but the last."""
        first, *others = [block.collapse() for block in self.blocks if isinstance(block, EdgeBlock)]
        return [_centred(first) if self.config.centred else first, *others]

    def deploy(self) -> PlainEcb:
        """The network of plain convolutions."""
        return PlainEcb(self).eval()

    def forward(self, x: Tensor) -> Tensor:
        """Run the collapsed network."""
        if self.config.activation == "relu":
            return _run(x, self.collapse(), [F.relu] * (self.config.depth + 1), self.config)
        return _run(x, self.collapse(), [partial(_sloped, slope=slope) for slope in self.slopes], self.config)


class PlainEcb(nn.Module):
    """The collapsed network: `depth + 2` convolutions, activations between, the picture added, channels to pixels."""

    def __init__(self, ecb: Ecb) -> None:
        super().__init__()
        self.config = ecb.config
        self.convs = nn.ModuleList(conv.module() for conv in ecb.collapse())
        self.activations: list[Layer] = [F.relu] * (len(self.convs) - 1)
        if self.config.activation == "prelu":
            self.activations = [partial(F.leaky_relu, negative_slope=slope) for slope in ecb.slopes.tolist()]

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge `(N, 1, H, W)` to `(N, 1, scale * H, scale * W)`."""
        return _run(x, list(self.convs), self.activations, self.config)


def _run(x: Tensor, convs: Sequence[Layer], activations: Sequence[Layer], config: EcbConfig) -> Tensor:
    """The last convolution's r*r channels are added to `x`, nearest-neighbour enlargement, and shuffled to pixels."""
    (head, *body, tail), (first, *others) = convs, activations
    picture = F.pad(x, (1, 1, 1, 1), mode="replicate") if config.centred else x
    features = shallow = first(head(picture))  # (N, width, H, W)
    for conv, activation in zip(body, others, strict=True):
        features = activation(conv(features))
    if config.skip:
        features = features + shallow
    return F.pixel_shuffle(tail(features) + x, config.scale)  # (N, 1, r*H, r*W)


def _centred(conv: Conv) -> Conv:
    """The kernels less their means, for a picture that is padded already."""
    return Conv(conv.weight - conv.weight.mean((2, 3), keepdim=True), conv.bias, padded=False)


def _sloped(x: Tensor, slope: Tensor) -> Tensor:
    """PReLU with a slope to learn; in bfloat16 on a CPU torch's own takes many times as long."""
    return F.relu(x) - slope.to(x.dtype) * F.relu(-x)


def _uniform(*shape: int) -> Tensor:
    """The customary uniform start: variance 1 / (3 * fan_in), where fan_in counts all but the first axis."""
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    return torch.empty(shape).uniform_(-bound, bound)
