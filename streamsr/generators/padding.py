"""Pictures of any size for networks that take only multiples of something."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F


def run_padded(network: Callable[[Tensor], Tensor], x: Tensor, multiple: int, scale: int, least: int = 1) -> Tensor:
    """Run `network` on `x` `(N, C, H, W)`, its right and bottom edges repeated up to the next multiple of `multiple`.

    Height and width become at least `least`, a multiple of `multiple` itself. What comes out, `scale` times as large,
    is cropped to `(N, C, scale * H, scale * W)`.
    """
    if multiple == 1:
        return network(x)
    height, width = x.shape[-2:]
    right, below = (max(-side % multiple, least - side) for side in (width, height))
    padded = F.pad(x, (0, right, 0, below), mode="replicate")
    return network(padded)[..., : scale * height, : scale * width]
