"""PyAV + torch, the same generator on the luma: `python -m benchmarks.peers.torch_loop CLIP`."""

from __future__ import annotations

import sys
import tempfile

import av
import numpy as np
import torch
import torch.nn.functional as F

from streamsr.generators.ecb import Conv
from streamsr.training.checkpoint import load_checkpoint
from streamsr.zoo.catalog import HOME

from ..common import Cost, measure, print_cost


@torch.inference_mode()
def upscale(kernels: list[Conv], frame: av.VideoFrame) -> av.VideoFrame:
    """One frame, the luma by the network, the chroma by bicubic interpolation."""
    planes = frame.to_ndarray(format="yuv420p")
    height, width = frame.height, frame.width
    luma = torch.from_numpy(planes[:height]).float()[None, None] / 255
    chroma = torch.from_numpy(planes[height:].reshape(1, 2, height // 2, width // 2)).float()
    large = (run_network(kernels, luma)[0, 0] * 255).round().clamp(0, 255).byte().numpy()
    colour = F.interpolate(chroma, scale_factor=2, mode="bicubic").round().clamp(0, 255).byte().numpy()
    return av.VideoFrame.from_ndarray(np.vstack([large, colour.reshape(height, 2 * width)]), "yuv420p")


def run_network(kernels: list[Conv], luma: torch.Tensor) -> torch.Tensor:
    """The generator as plain convolutions: (1, 1, H, W) to (1, 1, 2 H, 2 W)."""
    x = luma
    for kernel in kernels[:-1]:
        x = F.relu(F.conv2d(x, kernel.weight, kernel.bias, padding=1))
    x = F.conv2d(x, kernels[-1].weight, kernels[-1].bias, padding=1)
    return F.pixel_shuffle(x + luma, 2)


def run(clip: str) -> Cost:
    """The clip, frame by frame."""
    generator = load_checkpoint(HOME / "checkpoints" / "live-x2.safetensors").build()
    kernels = [Conv(conv.weight.detach(), conv.bias.detach()) for conv in generator.collapse()]

    def loop() -> int:
        frames = 0
        with (
            tempfile.NamedTemporaryFile(suffix=".mp4") as file,
            av.open(clip) as source,
            av.open(file.name, "w") as sink,
        ):
            video = source.streams.video[0]
            video.thread_type = "AUTO"
            output = sink.add_stream("libx264", video.average_rate, options={"crf": "20", "preset": "veryfast"})
            output.width, output.height, output.pix_fmt = 2 * video.width, 2 * video.height, "yuv420p"
            for frame in source.decode(video):
                sink.mux(output.encode(upscale(kernels, frame)))
                frames += 1
            sink.mux(output.encode(None))
        return frames

    return measure(loop)


if __name__ == "__main__":
    print_cost(run(sys.argv[1]))
