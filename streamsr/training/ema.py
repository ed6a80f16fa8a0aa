"""An exponential moving average of a model's weights."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn


class Ema:
    """Keeps `model`, a copy whose weights trail the trained ones."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = deepcopy(model).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards `model`; in the first steps faster, so that the random start is soon forgotten."""
        decay = min(self._decay, (step + 1) / (step + 10))
        theirs = [parameter.detach() for parameter in model.parameters()]
        torch._foreach_lerp_(list(self.model.parameters()), theirs, 1 - decay)
