"""How good a generator is on pictures it does not learn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from .images import Image
from .metrics import luma, psnr
from .pairs import Pair


@torch.no_grad()
def evaluate(model: nn.Module, pairs: Sequence[Pair], scale: int) -> float:
    """Mean PSNR-Y in dB by the rule of `metrics`."""
    scores = [psnr(_luma(enlarged(model, pair.low)), _luma(pair.high), scale) for pair in pairs]
    return float(np.mean(scores))


@torch.no_grad()
def enlarged(model: nn.Module, low: Image) -> Image:
    """`(H, W, C)` uint8 through the model, rounded to 8 bits."""
    device = next(model.parameters()).device
    picture = torch.from_numpy(low).to(device).permute(2, 0, 1)[None].float() / 255
    codes = (model(picture)[0] * 255).round().clamp(0, 255).to("cpu", torch.uint8)
    return np.asarray(codes.permute(1, 2, 0).numpy(), np.uint8)


def _luma(image: Image) -> Image:
    return image[..., 0] if image.shape[2] == 1 else luma(image)
