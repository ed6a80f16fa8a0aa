"""PyAV + torch, the same generator on the luma: `python -m benchmarks.peers.torch_loop CLIP`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import av
import numpy as np
import torch
import torch.nn.functional as F

from streamsr.training.checkpoint import load_checkpoint
from streamsr.zoo.catalog import HOME

from ..common import print_cost
from .loop import Loop

SECONDS_MOST = 600.0

Network = Callable[[torch.Tensor], torch.Tensor]
"""Pictures `(1, 1, H, W)` in [0, 1] to pictures of twice the size."""


def upscaler(*, compiled: bool = False) -> Callable[[av.VideoFrame], av.VideoFrame]:
    """The luma by the network of live-x2, through torch.compile if wanted; the chroma by bicubic interpolation."""
    network: Network = load_checkpoint(HOME / "checkpoints" / "live-x2.safetensors").build().deploy()
    run: Network = torch.compile(network) if compiled else network
    return torch.inference_mode()(lambda frame: upscale(run, frame))


def upscale(network: Network, frame: av.VideoFrame) -> av.VideoFrame:
    """One frame."""
    planes = frame.to_ndarray(format="yuv420p")
    height, width = frame.height, frame.width
    luma = torch.from_numpy(planes[:height]).float()[None, None] / 255
    chroma = torch.from_numpy(planes[height:].reshape(1, 2, height // 2, width // 2)).float()
    large = (network(luma)[0, 0] * 255).round().clamp(0, 255).byte().numpy()
    colour = F.interpolate(chroma, scale_factor=2, mode="bicubic").round().clamp(0, 255).byte().numpy()
    return av.VideoFrame.from_ndarray(np.vstack([large, colour.reshape(height, 2 * width)]), "yuv420p")


if __name__ == "__main__":
    print_cost(Loop(upscaler()).run(sys.argv[1], SECONDS_MOST))
