"""A convolution as a value: what the linear branches of a reparameterized block collapse to."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class Conv:
    """A plain convolution with an odd square kernel and a bias."""

    weight: Tensor  # (out, in, k, k)
    bias: Tensor  # (out,)
    padded: bool = True
    """Zero padding that keeps the size; without it the caller has padded."""

    @property
    def padding(self) -> int:
        """Zeros around the picture."""
        return self.weight.shape[-1] // 2 if self.padded else 0

    def __call__(self, x: Tensor) -> Tensor:
        """Convolve `(N, in, H, W)` to `(N, out, H, W)`; gradients flow into whatever the kernel was made of."""
        return F.conv2d(x, self.weight, self.bias, padding=self.padding)

    def module(self) -> nn.Conv2d:
        """The same as a layer that owns a copy of the numbers."""
        outputs, inputs, side, _ = self.weight.shape
        layer = nn.Conv2d(inputs, outputs, side, padding=self.padding)
        layer.load_state_dict({"weight": self.weight.detach(), "bias": self.bias.detach()})
        return layer.to(self.weight.device)
