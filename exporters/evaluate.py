"""Quality of super-resolution on a benchmark set, by the literature's rule.

Pictures are compared on luma as `streamsr.training.metrics` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from streamsr.graph.model import Model
from streamsr.training.degrade import bicubic_real
from streamsr.training.metrics import luma, luma_real, psnr, ssim, to_codes

from .pairs import Image, Pair

if TYPE_CHECKING:
    from streamsr.generators.base import Generator

Upscale = Callable[[Image], Image]
"""An RGB image `(H, W, 3)` to the luma of the larger one, `(scale * H, scale * W)`."""

Network = Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]
"""`(1, C, H, W)` in [0, 1] to `(1, C, scale * H, scale * W)`."""


@dataclass(frozen=True, slots=True)
class Score:
    """How close one picture came to the true one."""

    image: str
    psnr: float
    """dB, of luma."""
    ssim: float


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over a set."""

    images: int
    psnr: float
    """dB, of luma."""
    ssim: float


def score(candidates: Mapping[str, Upscale], pairs: Iterable[Pair], scale: int) -> Iterator[dict[str, Score]]:
    """Every candidate's score on each pair in turn; one pair is in memory at a time."""
    for pair in pairs:
        truth = luma(pair.high)
        pictures = {name: upscale(pair.low) for name, upscale in candidates.items()}
        yield {
            name: Score(pair.name, psnr(picture, truth, scale), ssim(picture, truth, scale))
            for name, picture in pictures.items()
        }


def mean(scores: Sequence[Score]) -> Quality:
    """The figure that tables give: the mean of the images' PSNR and of their SSIM."""
    return Quality(
        len(scores), float(np.mean([each.psnr for each in scores])), float(np.mean([each.ssim for each in scores]))
    )


def evaluate(upscale: Upscale, pairs: Iterable[Pair], scale: int) -> Quality:
    """Mean PSNR-Y and SSIM-Y of one candidate over a set."""
    return mean([scores["it"] for scores in score({"it": upscale}, pairs, scale)])


def bicubic_upscale(scale: int) -> Upscale:
    """The baseline of every table: bicubic, computed on luma and rounded once."""
    return lambda low: to_codes(bicubic_real(luma_real(low), scale))


def model_upscale(model: Model) -> Upscale:
    """A model in ONNX Runtime; what it needs of right and bottom is repeated from the edge, as in the pipeline."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model.proto.SerializeToString(), providers=["CPUExecutionProvider"])
    feed, multiple, scale = session.get_inputs()[0].name, model.spec.multiple_of, model.spec.scale

    def run(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        height, width = image.shape[2:]
        padded = np.pad(image, ((0, 0), (0, 0), (0, -height % multiple), (0, -width % multiple)), mode="edge")
        return np.asarray(session.run(None, {feed: padded})[0])[..., : scale * height, : scale * width]

    return _upscale(run, model.spec.color)


def generator_upscale(generator: Generator) -> Upscale:
    """A generator in torch, on the CPU, as it would be exported."""
    import torch

    network = generator.deploy().cpu().eval()

    def run(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        with torch.inference_mode():
            return np.asarray(network(torch.from_numpy(image)).numpy())

    return _upscale(run, generator.color)


def _upscale(network: Network, color: Literal["luma", "rgb"]) -> Upscale:
    """A network of luma is given the luma of the 8-bit RGB picture unrounded, as in the papers (a decoder's luma is
    rounded, which costs such networks about 0.06 dB at 37 dB); an RGB one's picture is rounded before luma is taken."""

    def run(image: npt.NDArray[Any]) -> Image:
        return to_codes(network(image[None].astype(np.float32) / np.float32(255))[0] * 255)

    if color == "luma":
        return lambda low: run(luma_real(low)[None])[0]
    return lambda low: luma(run(low.transpose(2, 0, 1)).transpose(1, 2, 0))
