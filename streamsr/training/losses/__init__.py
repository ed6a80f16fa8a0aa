"""Losses: small pure functions from tensors to a scalar, each with its formula and its source.

`LOSSES` compares two images of one shape, `ADVERSARIAL` judges a discriminator's logits. A new loss is one function
and one line here.
"""

from __future__ import annotations

from ...registry import Registry
from .pixel import charbonnier, fft, l1, mse, psnr

LOSSES = Registry("loss", {name: f"{__name__}.pixel:{name}" for name in ("l1", "mse", "charbonnier", "fft", "psnr")})
"""Name in a recipe -> function `(output, target) -> scalar`; equal images cost 0."""

ADVERSARIAL = Registry(
    "adversarial loss",
    {
        "minimax": f"{__name__}.adversarial:MINIMAX",
        "nonsaturating": f"{__name__}.adversarial:NONSATURATING",
        "least_squares": f"{__name__}.adversarial:LEAST_SQUARES",
        "hinge": f"{__name__}.adversarial:HINGE",
    },
)
"""Name in a recipe -> `adversarial.AdversarialLoss`, the pair of what each of the two networks minimises."""

__all__ = ["ADVERSARIAL", "LOSSES", "charbonnier", "fft", "l1", "mse", "psnr"]
