"""The slow reference: the pixels of one painting themselves are optimized.

Gatys, Ecker, Bethge, "Image Style Transfer Using Convolutional Neural Networks" (CVPR 2016). Nothing has to be trained,
and nothing limits the result but the loss: what a network trained by the same loss can be measured by.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor

from .backbones import Backbone
from .painting import PaintingConfig, PaintingLoss

HISTORY = 20
"""Steps that L-BFGS remembers; each takes twice the memory of the picture."""

Progress = Callable[[int, float], None]


def paint(
    backbone: Backbone,
    photo: Tensor,
    artwork: Tensor,
    config: PaintingConfig,
    steps: int = 200,
    progress: Progress | None = None,
    bf16: bool = False,
) -> Tensor:
    """The photo in the style of the artwork: L-BFGS (Liu and Nocedal, 1989) from the photo on.

    Args:
        backbone: what sees texture and content.
        photo: `(1, 3, H, W)` in [0, 1].
        artwork: `(1, 3, h, w)` in [0, 1], its strokes as large as they shall be.
        config: what is minimised.
        steps: at most; fewer when nothing changes any more.
        progress: told the number of every evaluation and its loss.
        bf16: let the backbone compute in bfloat16.

    Returns:
        `(1, 3, H, W)` within [0, 1].
    """
    loss = PaintingLoss(backbone, config, [artwork])
    whole, pixels, done = photo.new_ones(1, 1), photo.clone(memory_format=torch.contiguous_format).requires_grad_(), 0
    optimizer = torch.optim.LBFGS([pixels], 1.0, steps, history_size=HISTORY, line_search_fn="strong_wolfe")

    def evaluate() -> Tensor:
        nonlocal done
        optimizer.zero_grad()
        with torch.autocast(photo.device.type, torch.bfloat16) if bf16 else nullcontext():
            total = torch.stack(loss(pixels, photo, whole)).sum()
        total.backward()  # type: ignore[no-untyped-call]
        done += 1
        if progress is not None:
            progress(done, float(total.detach()))
        return total

    optimizer.step(evaluate)  # type: ignore[no-untyped-call]  # of torch
    return pixels.detach().clamp(0, 1)
