"""SPAN: RGB super-resolution whose attention has no parameters.

After Wan et al., "Swift Parameter-free Attention Network for Efficient Super-Resolution" (CVPR Workshops 2024, the
winner of the NTIRE 2024 efficiency challenge). A block is three 3x3 convolutions; what comes out is weighted by
itself, `(y + x) * (sigmoid(y) - 0.5)`. While it learns, each convolution is 1x1 (widening) - 3x3 - 1x1 beside a 1x1
skip. Here the branches are collapsed into one kernel at every step, so a step costs what a plain network's does; they
have inner biases, and the picture is padded before the first of them, which makes the collapsed kernel exact at the
border too. Parameters carry the names of the official release, so that its checkpoints load as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import Generator
from .conv import Conv

RGB_MEAN = (0.4488, 0.4371, 0.4040)
"""Of DIV2K: subtracted from the picture when `SpanConfig.norm` is set."""

Layer = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class SpanConfig:
    """Shape of the network. The release has 48 and 52 channels; the paper's tables count the 52."""

    scale: int = 2
    width: int = 48
    """Channels of the features; multiples of 16 run best."""
    depth: int = 6
    """Attention blocks, at least 2."""
    gain: int = 2
    """Inner channels of a convolution's branch over its outer ones; costs nothing once collapsed. 0: no branches."""
    norm: bool = True
    """Centre the picture and multiply it by `img_range` first, as the paper does."""
    img_range: float = 255.0
    residual: bool = False
    """Add the picture, enlarged by nearest neighbour: not in the paper, learns faster at first."""


class Conv3XC(nn.Module):
    """A 3x3 convolution as 1x1, 3x3, 1x1 beside a 1x1 skip; it holds the parameters and is run collapsed."""

    def __init__(self, inputs: int, outputs: int, gain: int) -> None:
        super().__init__()
        self.sk = nn.Conv2d(inputs, outputs, 1)
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, inputs * gain, 1),
            nn.Conv2d(inputs * gain, outputs * gain, 3),
            nn.Conv2d(outputs * gain, outputs, 1),
        )


class Block(nn.Module):
    """The parameters of one swift parameter-free attention block."""

    def __init__(self, width: int, gain: int) -> None:
        super().__init__()
        self.c1_r, self.c2_r, self.c3_r = (_convolution(width, width, gain) for _ in range(3))


class Span(Generator):
    """RGB super-resolution: `(N, 3, H, W)` float in [0, 1] -> `(N, 3, scale * H, scale * W)`, not clipped."""

    Config = SpanConfig
    config: SpanConfig
    color: Literal["rgb"] = "rgb"
    mean: Tensor  # (3, 1, 1)

    def __init__(self, config: SpanConfig) -> None:
        super().__init__(config)
        width, gain = config.width, config.gain
        # a constant, not a weight: no checkpoint has it, and it has its values even in a network built on `meta`
        self.register_buffer("mean", torch.tensor(RGB_MEAN, device="cpu")[:, None, None], persistent=False)
        self.conv_1 = _convolution(3, width, gain)
        for index in range(config.depth):
            self.add_module(f"block_{index + 1}", Block(width, gain))
        self.conv_cat = nn.Conv2d(4 * width, width, 1)
        self.conv_2 = _convolution(width, width, gain)
        self.upsampler = nn.Sequential(
            nn.Conv2d(width, 3 * config.scale**2, 3, padding=1), nn.PixelShuffle(config.scale)
        )

    @property
    def halo(self) -> int:
        """Input pixels around an output pixel that can influence it: one for each 3x3 on the longest way."""
        return 3 * self.config.depth + 3

    def collapse(self) -> list[Conv]:
        """The plain 3x3 convolutions: the first, three for each block, the one after the blocks.

        The first takes the centred picture in [0, 1]: its kernel holds `img_range`.
        """
        (first, *inner) = self._plain()
        if self.config.norm:
            first = Conv(first.weight * self.config.img_range, first.bias)
        return [first, *inner]

    def _parts(self) -> list[nn.Module]:
        blocks = (part for block in self.modules() if isinstance(block, Block) for part in block.children())
        return [self.conv_1, *blocks, self.conv_2]

    def _plain(self) -> list[Conv]:
        parts = self._parts()
        if not self.config.gain:
            return [
                Conv(part.weight, part.bias) for part in parts if isinstance(part, nn.Conv2d) and part.bias is not None
            ]
        first, *inner = (part for part in parts if isinstance(part, Conv3XC))
        return [*collapse([first]), *collapse(inner)]

    def collapsed(self) -> Span:
        """The same network without branches: what is stored, and a start for further training."""
        plain = Span(replace(self.config, gain=0))
        for part, conv in zip(plain._parts(), self._plain(), strict=True):
            part.load_state_dict(conv.module().state_dict())
        plain.conv_cat, plain.upsampler = deepcopy(self.conv_cat), deepcopy(self.upsampler)
        return plain.to(self.conv_cat.weight.device).train(self.training)

    def deploy(self) -> PlainSpan:
        """The network of plain convolutions."""
        return PlainSpan(self).eval()

    def forward(self, x: Tensor) -> Tensor:
        """Run the collapsed network."""
        return _run(x, self.collapse(), self.conv_cat, self.upsampler, self.mean, self.config)


class PlainSpan(nn.Module):
    """The collapsed network, with copies of the weights."""

    mean: Tensor

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.config = span.config
        self.register_buffer("mean", span.mean, persistent=False)
        self.convs = nn.ModuleList(conv.module() for conv in span.collapse())
        self.fuse, self.upsampler = deepcopy(span.conv_cat), deepcopy(span.upsampler)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge `(N, 3, H, W)` to `(N, 3, scale * H, scale * W)`."""
        return _run(x, list(self.convs), self.fuse, self.upsampler, self.mean, self.config)


def _convolution(inputs: int, outputs: int, gain: int) -> nn.Module:
    return Conv3XC(inputs, outputs, gain) if gain else nn.Conv2d(inputs, outputs, 3)


def collapse(blocks: Sequence[Conv3XC]) -> list[Conv]:
    """The one kernel each block equals; blocks of one shape at once, in float32 even under autocast.

    At once, because on a GPU it is the number of launches that this costs, not the arithmetic.
    """
    with torch.autocast(blocks[0].sk.weight.device.type, enabled=False):
        skip, widen, wide, narrow = (_stacked(layers) for layers in zip(*map(_layers, blocks), strict=True))
        inner = torch.einsum("bpmhw,bmi->bpihw", wide.weight, widen.weight[..., 0, 0])
        weight = torch.einsum("bop,bpihw->boihw", narrow.weight[..., 0, 0], inner)
        weight = weight + F.pad(skip.weight, (1, 1, 1, 1))
        bias = torch.einsum("bpmhw,bm->bp", wide.weight, widen.bias) + wide.bias
        bias = torch.einsum("bop,bp->bo", narrow.weight[..., 0, 0], bias) + narrow.bias + skip.bias
    return [Conv(*pair) for pair in zip(weight.unbind(), bias.unbind(), strict=True)]


def _layers(block: Conv3XC) -> list[nn.Conv2d]:
    return [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]


def _stacked(layers: Sequence[nn.Conv2d]) -> Conv:
    """Layers of one shape, with a leading axis to tell them apart."""
    biases = [layer.bias for layer in layers if layer.bias is not None]
    return Conv(torch.stack([layer.weight for layer in layers]), torch.stack(biases))


def _run(x: Tensor, convs: Sequence[Layer], fuse: Layer, upsample: Layer, mean: Tensor, config: SpanConfig) -> Tensor:
    """The network, given its convolutions, plain or just collapsed."""
    first, *inner, last = convs
    picture = x - mean if config.norm else x
    shallow = features = first(picture)  # (N, width, H, W)
    kept = []
    for one, two, three in zip(inner[::3], inner[1::3], inner[2::3], strict=True):
        early = F.silu(one(features))
        late = three(F.silu(two(early)))
        features = (late + features) * (torch.sigmoid(late) - 0.5)
        kept.append((features, early))
    # beside both ends of the body: the first block's output, and inside the last block what follows its first SiLU
    # (the release names what precedes it, but activates in place)
    fused = fuse(torch.cat([shallow, last(features), kept[0][0], kept[-1][1]], 1))  # (N, width, H, W)
    enlarged = upsample(fused)  # (N, 3, r*H, r*W)
    if config.residual:
        enlarged = enlarged + F.interpolate(x, scale_factor=config.scale, mode="nearest")
    return enlarged
