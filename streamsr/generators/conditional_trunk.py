"""What the picture-to-picture generators at one scale share: down, residual blocks, up, conditional normalization.

After Johnson, Alahi, Fei-Fei, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution" (ECCV 2016), with
nothing in it that flickers: strides are blurred first, enlargement is bilinear, and statistics can be frozen.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from ..spec import HALO_MAX
from .base import Generator
from .blur_pool import BlurPool, ResizeConv
from .conditional_norm import Affine, ConditionalNorm, norms

_PHASES = 4


class Layer(nn.Module):
    """A convolution without bias, conditional normalization, and ReLU unless told otherwise."""

    def __init__(self, conv: nn.Module, channels: int, rows: int, relu: bool = True) -> None:
        super().__init__()
        self.conv, self.relu = conv, relu
        self.norm = ConditionalNorm(channels, rows)

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """`(N, inputs, H, W)` to `(N, channels, …)`; `mix` as `ConditionalNorm` takes it."""
        y: Tensor = self.norm(self.conv(x), mix)
        return F.relu(y) if self.relu else y


class PlainLayer(nn.Module):
    """A frozen `Layer`; one that enlarges works at the smaller size up to the shuffle of channels to pixels.

    Where there is a single row, nothing can change, and its map is part of the convolution.
    """

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.relu, self.enlarges = layer.relu, isinstance(layer.conv, ResizeConv)
        self.conv = layer.conv.collapse() if isinstance(layer.conv, ResizeConv) else layer.conv
        affine = Affine(layer.norm, _PHASES if self.enlarges else 1)
        self.affine = affine if len(affine.table) > 1 else None
        if self.affine is None:
            self.conv = _mapped(self.conv, *affine.table[0].chunk(2))

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """As the layer does."""
        y: Tensor = self.conv(x)
        y = self.affine(y, mix) if self.affine is not None else y
        y = F.relu(y) if self.relu else y
        return F.pixel_shuffle(y, 2) if self.enlarges else y


class Block(nn.Module):
    """Two layers, and the way around them."""

    def __init__(self, channels: int, rows: int) -> None:
        super().__init__()
        self.first = Layer(reflected(channels, channels), channels, rows)
        self.second = Layer(reflected(channels, channels), channels, rows, relu=False)

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """What the layers add to `(N, channels, H, W)`, and that."""
        y: Tensor = x + self.second(self.first(x, mix), mix)
        return y


class Trunk(nn.Module):
    """`first`, two halvings, residual blocks, two doublings, `last`; the ends are given."""

    def __init__(self, first: nn.Conv2d, widths: Sequence[int], blocks: int, rows: int, last: nn.Conv2d) -> None:
        super().__init__()
        self.first = Layer(first, widths[0], rows)
        self.down = nn.ModuleList(
            Layer(nn.Sequential(BlurPool(inputs), reflected(inputs, outputs)), outputs, rows)
            for inputs, outputs in pairwise(widths)
        )
        self.blocks = nn.ModuleList(Block(widths[-1], rows) for _ in range(blocks))
        self.up = nn.ModuleList(
            Layer(ResizeConv(inputs, outputs), outputs, rows) for inputs, outputs in pairwise(widths[::-1])
        )
        self.last = last
        self.reach = _reach(first, last, len(widths) - 1, blocks)
        """Input pixels around an output pixel that can influence it, once frozen."""

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """`(N, 3, H, W)` to what `last` makes of the features; H and W such that all strides divide them."""
        x = self.first(x, mix)
        for layer in (*self.down, *self.blocks, *self.up):
            x = layer(x, mix)
        result: Tensor = self.last(x)
        return result

    @property
    def frozen(self) -> bool:
        """Whether the running statistics are used, and no longer change."""
        return all(norm.frozen for norm in norms(self))

    def plain(self) -> Trunk:
        """A copy with every layer a `PlainLayer`; to be asked of a frozen one."""
        copy = deepcopy(self)
        for parent in list(copy.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, Layer):
                    parent.add_module(name, PlainLayer(child))
        return copy.eval()


class TrunkGenerator(Generator):
    """A generator around a trunk: its two phases, and how far it looks in each."""

    trunk: Trunk

    @property
    def frozen(self) -> bool:
        """Whether running statistics are used: the second phase."""
        return self.trunk.frozen

    @property
    def halo(self) -> int:
        """Input pixels around an output pixel that can influence it; before `freeze` every pixel does."""
        return self.trunk.reach if self.frozen else HALO_MAX


def _mapped(conv: nn.Module, scale: Tensor, shift: Tensor) -> nn.Module:
    """A convolution without bias, or one after a blur, whose channels are scaled and shifted."""
    if isinstance(conv, nn.Sequential):
        *before, last = conv.children()
        return nn.Sequential(*before, _mapped(last, scale, shift))
    assert isinstance(conv, nn.Conv2d)
    copy = deepcopy(conv)
    copy.weight = nn.Parameter(conv.weight.detach() * scale[:, None, None, None])
    copy.bias = nn.Parameter(shift)
    return copy


def reflected(inputs: int, outputs: int, side: int = 3, stride: int = 1, bias: bool = False) -> nn.Conv2d:
    """A convolution that keeps the size, but for the stride, and reflects the border."""
    padding = (side - 1) // 2
    return nn.Conv2d(inputs, outputs, side, stride, padding, padding_mode="reflect", bias=bias)


def _reach(first: nn.Conv2d, last: nn.Conv2d, halvings: int, blocks: int) -> int:
    step, radius = first.stride[0], first.kernel_size[0] // 2
    for _ in range(halvings):
        radius, step = radius + 4 * step, 2 * step  # two samples each: of the blur, and of the convolution twice as far
    radius += 2 * blocks * step
    for _ in range(halvings):
        radius, step = radius + step + step // 2, step // 2  # interpolation, then a convolution half as far
    return radius + last.kernel_size[0] // 2 * step
