"""What changes over the steps of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from torch import Tensor
from torch.optim import Optimizer

from .losses import LOSSES
from .recipe import LossSection, OptimSection

Loss = Callable[[Tensor, Tensor], Tensor]


def learning_rate(step: int, optim: OptimSection) -> float:
    """Linear warm-up, then half a cosine down to `lr_end` at the last step."""
    warmup = max(1, round(optim.steps * optim.warmup))
    if step < warmup:
        return optim.lr * (step + 1) / warmup
    progress = (step - warmup) / max(1, optim.steps - warmup)
    return optim.lr_end + (optim.lr - optim.lr_end) * (1 + math.cos(math.pi * progress)) / 2


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Let the next steps use `rate`."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def loss_schedule(section: LossSection, steps: int) -> Callable[[int], Loss]:
    """Step -> the loss it minimises.

    Raises:
        UnknownNameError: a loss that does not exist.
    """
    main, finish = weighted(section.main), weighted(section.finish)
    finish_at = round(steps * (1 - section.finish_share))
    return lambda step: finish if step >= finish_at else main


def weighted(weights: Mapping[str, float]) -> Loss:
    """The sum of named losses, each times its weight. Raises `UnknownNameError` for one that does not exist."""
    terms = [(weight, LOSSES.load(name)) for name, weight in weights.items()]

    def total(output: Tensor, target: Tensor) -> Tensor:
        return sum((weight * loss(output, target) for weight, loss in terms), start=output.new_zeros(()))

    return total
