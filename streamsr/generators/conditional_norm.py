"""Normalization with a scale and a shift for each of several styles, which may be mixed.

After Dumoulin, Shlens, Kudlur, "A Learned Representation for Artistic Style" (ICLR 2017): one network holds many
styles when they share all convolutions and differ in the affine part of instance normalization alone.

Statistics of each picture couple every pixel to every other one: what enters at the left changes a wall at the right,
and a video flickers. So they are means to learn with; then the running ones are frozen, and the layer is an affine map
for each channel, as batch normalization is when it is evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ..errors import ConfigError

EPSILON = 1e-5

MOMENTUM = 0.01
"""What a picture's statistics weigh in the running ones; the first pictures of a row are averaged alike."""


class ConditionalNorm(nn.Module):
    """Normalizes `(N, C, H, W)`, then scales and shifts each channel as a mix of rows says; a row is one style.

    Every row has its own scale `gamma`, shift `beta`, and running `mean` and `var`. They are tracked in training mode,
    for the rows that make up a picture alone: the statistics of a mix belong to none of its rows.
    """

    mean: Tensor
    var: Tensor
    seen: Tensor

    def __init__(self, channels: int, rows: int = 1) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(rows, channels))
        self.beta = nn.Parameter(torch.zeros(rows, channels))
        self.register_buffer("mean", torch.zeros(rows, channels))
        self.register_buffer("var", torch.ones(rows, channels))
        self.register_buffer("seen", torch.zeros(rows))  # pictures tracked
        self.frozen = False
        """Whether the running statistics are used, and no longer change."""

    def get_extra_state(self) -> Tensor:
        """`frozen`, as a checkpoint holds it."""
        return torch.tensor(self.frozen)

    def set_extra_state(self, state: Tensor) -> None:
        """Take `frozen` from a checkpoint."""
        self.frozen = bool(state)

    def table(self) -> Tensor:
        """The frozen layer's affine maps, float32 `(rows, 2 * C)`: scales, then shifts."""
        scale = self.gamma * torch.rsqrt(self.var + EPSILON)
        return torch.cat([scale, self.beta - self.mean * scale], 1)

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """Normalize; `mix` `(N, rows)` or `(1, rows)` holds the shares of the rows, which sum to 1."""
        if self.frozen:
            return affine(x, mixed(mix, self.table()))
        var, mean = torch.var_mean(x.float(), (2, 3), correction=0)  # (N, C)
        if self.training:
            self._track(mean.detach(), var.detach(), mix)
        scale = mixed(mix, self.gamma) * torch.rsqrt(var + EPSILON)
        return affine(x, torch.cat([scale, mixed(mix, self.beta) - mean * scale], 1))

    @torch.no_grad()
    def _track(self, mean: Tensor, var: Tensor, mix: Tensor) -> None:
        pure = (mix == 1).to(mean.dtype).expand(len(mean), -1)  # (N, rows): which pictures are of which row alone
        count = pure.sum(0)
        self.seen += count
        rate = (count / self.seen.clamp(min=1)).clamp(min=MOMENTUM) * (count > 0)
        for running, now in ((self.mean, mean), (self.var, var)):
            average = mixed(pure.T, now) / count.clamp(min=1)[:, None]  # (rows, C)
            running.lerp_(average, rate[:, None])


class Affine(nn.Module):
    """A frozen `ConditionalNorm`: one product gives every channel's scale and shift.

    With `copies`, each channel comes so many times, one after the other.
    """

    def __init__(self, norm: ConditionalNorm, copies: int = 1) -> None:
        super().__init__()
        self.table = nn.Parameter(norm.table().detach().repeat_interleave(copies, 1), requires_grad=False)

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """Scale and shift the channels of `(N, C, H, W)` by the mix `(N, rows)` or `(1, rows)` of the rows."""
        return affine(x, mix @ self.table)


def mixed(mix: Tensor, table: Tensor) -> Tensor:
    """The product of `(N, rows)` and `(rows, C)`, in full precision even under autocast."""
    return (mix[..., None] * table).sum(1)


def affine(x: Tensor, scale_shift: Tensor) -> Tensor:
    """`(N, C, H, W)` times scales plus shifts, given as `(N, 2 * C)` or `(1, 2 * C)`; in the type of `x`."""
    scale, shift = scale_shift.to(x.dtype)[..., None, None].chunk(2, 1)
    return x * scale + shift


def norms(module: nn.Module) -> Iterator[ConditionalNorm]:
    """Every conditional normalization of a network."""
    return (part for part in module.modules() if isinstance(part, ConditionalNorm))


def freeze(module: nn.Module, names: Sequence[str]) -> None:
    """Let every normalization of a network use its running statistics from now on.

    Args:
        module: the network.
        names: of the rows, for the message.

    Raises:
        ConfigError: a row has no statistics: no picture of it alone has been seen in training mode.
    """
    unseen = {name for norm in norms(module) for name, seen in zip(names, norm.seen.tolist(), strict=True) if not seen}
    if unseen:
        missing = ", ".join(name for name in names if name in unseen)
        raise ConfigError(f"there are no statistics to freeze for {missing}: train on pictures of each alone first")
    for norm in norms(module):
        norm.frozen = True
