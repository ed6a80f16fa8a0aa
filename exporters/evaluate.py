"""Quality of a super-resolution model on a benchmark set, by the literature's rule, with bicubic beside it.

    python -m exporters.evaluate --model live-x2 --hr Set5/HR [--lr Set5/LR_x2]

Pictures are compared on luma as `streamsr.training.metrics` says. Low-resolution images that are not given are made as
MATLAB's `imresize` makes them, which is how the benchmark sets were made.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamsr.errors import ConfigError
from streamsr.graph.model import Model, load_model
from streamsr.training.degrade import bicubic, bicubic_real
from streamsr.training.images import read_rgb
from streamsr.training.metrics import luma, luma_real, psnr, ssim, to_codes
from streamsr.zoo.catalog import resolve

Image = npt.NDArray[np.uint8]
Upscale = Callable[[Image], Image]
"""An RGB image `(H, W, 3)` to the luma of the larger one, `(scale * H, scale * W)`."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over a set."""

    images: int
    psnr: float
    """dB."""
    ssim: float


def evaluate(upscale: Upscale, pairs: Sequence[tuple[Image, Image]], scale: int) -> Quality:
    """Mean PSNR-Y and SSIM-Y of `upscale` over (low, high) pairs of RGB images."""
    scores = []
    for low, high in pairs:
        picture, truth = upscale(low), luma(high)
        scores.append((psnr(picture, truth, scale), ssim(picture, truth, scale)))
    mean = np.mean(scores, axis=0)
    return Quality(len(scores), float(mean[0]), float(mean[1]))


def bicubic_upscale(scale: int) -> Upscale:
    """The baseline of every table: bicubic, computed on luma and rounded once."""
    return lambda low: to_codes(bicubic_real(luma_real(low), scale))


def model_upscale(model: Model) -> Upscale:
    """A model in ONNX Runtime; a luma one is given 8-bit luma, as by a decoder."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model.proto.SerializeToString(), providers=["CPUExecutionProvider"])
    feed = session.get_inputs()[0].name

    def run(image: Image) -> Image:
        result = session.run(None, {feed: image[None].astype(np.float32) / 255})[0][0]
        return to_codes(result * 255)

    if model.spec.color == "luma":
        return lambda low: run(luma(low)[None])[0]
    return lambda low: luma(run(low.transpose(2, 0, 1)).transpose(1, 2, 0))


def read_pairs(high: Sequence[Path], low: Path | None, scale: int) -> list[tuple[Image, Image]]:
    """(low, high) RGB pairs: every image of `low` with its namesake in the first folder of `high` that has one.

    Without `low` every image of `high[0]` is cropped to a multiple of `scale` and downscaled.

    Raises:
        ConfigError: an image without a namesake, or no images.
    """
    pairs = list(_made(high[0], scale) if low is None else _matched(high, low, scale))
    if not pairs:
        raise ConfigError(f"there are no images in {low or high[0]}")
    return pairs


def _made(folder: Path, scale: int) -> Iterator[tuple[Image, Image]]:
    for path in sorted(folder.iterdir()):
        truth = read_rgb(path)
        rows, columns = (side // scale * scale for side in truth.shape[:2])
        yield bicubic(truth[:rows, :columns], Fraction(1, scale)), truth[:rows, :columns]


def _matched(high: Sequence[Path], low: Path, scale: int) -> Iterator[tuple[Image, Image]]:
    for path in sorted(low.iterdir()):
        truths = [folder / path.name for folder in high if (folder / path.name).exists()]
        if not truths:
            raise ConfigError(f"{path} has no image of the same name in {', '.join(map(str, high))}")
        small = read_rgb(path)
        rows, columns = (side * scale for side in small.shape[:2])
        yield small, read_rgb(truths[0])[:rows, :columns]


def main() -> None:
    """Print one JSON line for bicubic and one for each model."""
    parser = argparse.ArgumentParser(description="PSNR-Y and SSIM-Y of models beside bicubic.")
    parser.add_argument("--model", action="append", required=True, help="a name of the zoo or an ONNX file; repeatable")
    parser.add_argument("--hr", type=Path, nargs="+", required=True, help="folders of true images, searched in turn")
    parser.add_argument("--lr", type=Path, help="folder of low-resolution images; made when left out")
    options = parser.parse_args()
    models = {name: load_model(resolve(name).path) for name in options.model}
    scales = {model.spec.scale for model in models.values()}
    if len(scales) > 1:
        parser.error("the models have different scales")
    (scale,) = scales
    pairs = read_pairs(options.hr, options.lr, scale)
    candidates = {"bicubic": bicubic_upscale(scale), **{name: model_upscale(model) for name, model in models.items()}}
    for name, upscale in candidates.items():
        sys.stdout.write(json.dumps({"model": name, "scale": scale, **asdict(evaluate(upscale, pairs, scale))}) + "\n")


if __name__ == "__main__":
    main()
