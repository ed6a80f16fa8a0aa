"""Muon: momentum whose every update is made orthogonal, so that all directions of a kernel learn alike.

Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024). A convolution's kernel is the matrix of
its outputs by everything they are summed from; torch's own class takes matrices only.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic that drives every singular value to about 1 (Jordan et al.)."""
ITERATIONS = 5
ADAM_SHARE = 0.2
"""Rate of what is left to Adam, in units of the kernels' rate."""
MATRIX_SIDE = 4
"""Kernels with fewer outputs or fewer summands than this are left to Adam, as biases are."""
EPSILON = 1e-8


class Muon(Optimizer):
    """Muon for the kernels of a network, Adam (Kingma and Ba, ICLR 2015) for everything else."""

    def __init__(self, model: nn.Module, lr: float, betas: tuple[float, float]) -> None:
        weights = list(model.parameters())
        kernels = [weight for weight in weights if is_kernel(weight)]
        rest = [weight for weight in weights if not is_kernel(weight)]
        groups = [{"params": kernels, "muon": True}, {"params": rest, "muon": False}]
        super().__init__([group for group in groups if group["params"]], {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update the weights that have a gradient; there is no use for `closure`."""
        del closure
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not group["muon"]:
                self._adam(weights, group["lr"] * ADAM_SHARE, *group["betas"])
                continue
            for _, alike in groupby(sorted(weights, key=_shape), key=_shape):
                self._muon(list(alike), group["lr"])

    def _muon(self, weights: list[Tensor], lr: float) -> None:
        """One step of weights of one shape, all at once."""
        grads, moments = _grads(weights), self._moments(weights, "momentum")
        torch._foreach_lerp_(moments, grads, 1 - MOMENTUM)
        ahead = torch.stack(list(torch._foreach_lerp(grads, moments, MOMENTUM)))
        updates = orthogonal(ahead.flatten(2)).view_as(ahead)
        rows, columns = updates.flatten(2).shape[1:]
        scale = max(1.0, rows / columns) ** 0.5
        torch._foreach_add_(weights, list(updates.unbind()), alpha=-lr * scale)

    def _adam(self, weights: list[Tensor], lr: float, beta1: float, beta2: float) -> None:
        means, squares = self._moments(weights, "exp_avg"), self._moments(weights, "exp_avg_sq")
        for weight, grad, mean, square in zip(weights, _grads(weights), means, squares, strict=True):
            count = float(self._moment(weight, "step", torch.zeros(())).add_(1))
            mean.lerp_(grad, 1 - beta1)
            square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
            unbiased = (square / (1 - beta2**count)).sqrt_().add_(EPSILON)
            weight.addcdiv_(mean, unbiased, value=-lr / (1 - beta1**count))

    def _moments(self, weights: list[Tensor], name: str) -> list[Tensor]:
        return [self._moment(weight, name, weight) for weight in weights]

    def _moment(self, weight: Tensor, name: str, like: Tensor) -> Tensor:
        state: dict[str, Tensor] = self.state[weight]
        return state.setdefault(name, torch.zeros_like(like))


def is_kernel(weight: Tensor) -> bool:
    """Whether a tensor is a matrix, of a dense layer or a convolution, big enough to have directions."""
    return weight.ndim >= 2 and min(weight.shape[0], weight[0].numel()) >= MATRIX_SIDE


def orthogonal(matrices: Tensor) -> Tensor:
    """`(B, M, N)` with all singular values brought near 1 (0.7 to 1.2), directions kept: Newton-Schulz iterations."""
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    x: Tensor = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + EPSILON)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


def _grads(weights: list[Tensor]) -> list[Tensor]:
    return [weight.grad for weight in weights if weight.grad is not None]


def _shape(weight: Tensor) -> Any:
    return tuple(weight.shape)
