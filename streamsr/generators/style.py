"""Style: one small network that paints video in any of several styles, or a mix of them, as strongly as wanted.

A network after Johnson et al. (ECCV 2016), conditional after Dumoulin et al. (ICLR 2017), and made to hold still: see
`conditional_trunk` and `conditional_norm`. It works at half the picture's size from the first convolution to the last,
whose channels are shuffled to pixels: a twelfth of the arithmetic of one that works at full size, and larger strokes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..spec import least_side
from .conditional_norm import freeze
from .conditional_trunk import Trunk, TrunkGenerator, reflected
from .padding import run_padded

IDENTITY = "identity"
"""The row of no style: the picture as it is."""

MULTIPLE = 8


@dataclass(frozen=True, slots=True)
class StyleConfig:
    """Shape of the network: 207 thousand weights, and a thousand for each style. The large one is (32, 48, 64)."""

    styles: tuple[str, ...]
    """Their names, in the order of the weights."""
    widths: tuple[int, int, int] = (16, 32, 48)
    """Channels at a half, a quarter and an eighth of the picture's size; multiples of 16 run best on CPUs."""
    blocks: int = 4
    """Residual blocks at an eighth."""

    def __post_init__(self) -> None:
        """Names once each, and not that of the unstylized picture."""
        if not self.styles or len({*self.styles, IDENTITY}) <= len(self.styles):
            raise ConfigError(f"styles need names of their own, each once and none {IDENTITY!r}: {self.styles}")


class Stylizer(TrunkGenerator):
    """Stylization: RGB `(N, 3, H, W)` float in [0, 1] -> the same shape, within [0, 1].

    It is trained in two phases. In the first every picture is normalized by its own statistics, and running ones are
    kept for each style (in training mode). `freeze` begins the second: the running ones are used for every picture.
    Any size will do; one that is no multiple of 8, or below 16, is extended by repeating its edge and cut back.

    Strength mixes the style with a row of the network that has learned to give the picture back, which it does as well
    as half the size lets it; towards strength 0 the picture itself takes over, but in training mode.
    """

    Config = StyleConfig
    config: StyleConfig
    color: Literal["rgb"] = "rgb"
    task = "style"
    scale = 1
    multiple_of = MULTIPLE

    def __init__(self, config: StyleConfig) -> None:
        super().__init__(config)
        width, rows = config.widths[0], 1 + len(config.styles)
        # 6x6 at every other pixel is `pixel_unshuffle` by 2 and 3x3, with the picture itself reflected
        first, last = reflected(3, width, 6, stride=2), reflected(width, 12, bias=True)
        _start_phases_alike(last)
        self.trunk = Trunk(first, config.widths, config.blocks, rows, last)

    @property
    def conditioning(self) -> tuple[str, ...]:
        """The styles' names."""
        return tuple(self.config.styles)

    def freeze(self) -> None:
        """Use the running statistics from now on, whatever the mode; they stay as they are.

        Raises:
            ConfigError: a style, or the identity, was never trained alone.
        """
        freeze(self, (IDENTITY, *self.config.styles))

    def deploy(self) -> PlainStylizer:
        """The network of convolutions and affine maps; before `freeze`, of instance normalizations."""
        return PlainStylizer(self.trunk.plain() if self.frozen else self.trunk).eval()

    def forward(self, x: Tensor, style_weights: Tensor | None = None, strength: Tensor | None = None) -> Tensor:
        """Stylize.

        Args:
            x: the pictures.
            style_weights: `(N, S)`, or `(1, S)` for all; how much of each style, summing to 1. The first one, if None.
            strength: `(N, 1)`, or `(1, 1)` for all; from 0, the picture as it is, to 1. All of it, if None.
        """
        if style_weights is None:
            style_weights = x.new_ones(1, len(self.config.styles)).cumsum(1).eq(1).to(x.dtype)
        if strength is None:
            strength = x.new_ones(1, 1)
        mix, kept = rows_of(style_weights, strength), None if self.training else kept_share(strength)
        return run_padded(lambda picture: painted(self.trunk, picture, mix, kept), x, MULTIPLE, 1, least_side(MULTIPLE))


class PlainStylizer(nn.Module):
    """What is exported: `(1, 3, H, W)`, `(1, S)` and `(1, 1)` to `(1, 3, H, W)`.

    H and W are multiples of 8, and at least 16.
    """

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, x: Tensor, style_weights: Tensor, strength: Tensor) -> Tensor:
        """Stylize."""
        return painted(self.trunk, x, rows_of(style_weights, strength), kept_share(strength))


def rows_of(style_weights: Tensor, strength: Tensor) -> Tensor:
    """The shares of the identity and the styles `(N, 1 + S)`, of weights `(N, S)` and strengths `(N, 1)`.

    Either N may be 1 where the other is not.
    """
    styled = strength * style_weights
    return torch.cat([(1 - strength).expand(len(styled), 1), styled], 1)


def kept_share(strength: Tensor) -> Tensor:
    """How much of the picture itself is mixed in, `(N, 1, 1, 1)`: all of it at strength 0, nothing from a half on."""
    return torch.relu(1 - 2 * strength)[..., None, None]


def painted(trunk: Trunk, x: Tensor, mix: Tensor, kept: Tensor | None = None) -> Tensor:
    """A trunk's twelve channels at half the size as a picture, mixed with as much of `x` as is kept.

    It is squashed first, while there is less to move.
    """
    y = nn.functional.pixel_shuffle(torch.sigmoid(trunk(x, mix)), 2)
    return y if kept is None else y * (1 - kept) + x * kept


def _start_phases_alike(last: nn.Conv2d) -> None:
    """Give the four pixels that `pixel_shuffle` puts side by side equal kernels: no checkerboard to be unlearned.

    Aitken et al., "Checkerboard artifact free sub-pixel convolution" (2017).
    """
    with torch.no_grad():
        for values in last.parameters():
            values.copy_(values[::4].repeat_interleave(4, 0))
