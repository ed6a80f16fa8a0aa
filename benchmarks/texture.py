"""A model and its adversarial twin: does the twin look sharper, is what it adds right, and does it boil?

- `distance`: perceptual distance to the truth (`training.perceptual.feature_distance`) as SqueezeNet sees it. The twins
  are trained by VGG-19, which they have learned to please; so another network is the judge. Less is better.
- `detail`, `gradients`: sharpness in units of the truth's (`training.sharpness`); 1 is right. Noise buys them too:
  read them beside the distance.
- `psnr`: fidelity, which texture costs.
- boiling: temporal noise of the upscaled luma of a still scene (mean over the pixels of the standard deviation over
  time) in units of the parent's.

The still scene is the middle of a small picture, repeated, with the noise of a sensor on each frame: independent in
every pixel and channel, of variance `SHOT v + READ` at the code value v. That is the usual law (shot noise grows with
the light, read noise does not; Foi et al., "Practical Poissonian-Gaussian noise modeling", TIP 2008): a standard
deviation of 1 code in black and 2.5 at mid-gray, a phone indoors. `raw` has it as it is, `coded` after x264 at crf 23,
which smooths most of it away and brings noise of its own, as real footage has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from exporters.pairs import Pair, read_set
from streamsr.api import upscale
from streamsr.assembly import EngineOptions
from streamsr.chain import Chain
from streamsr.media.codec_roundtrip import Compression, code_clip
from streamsr.training.backbones import Backbone, load_backbone
from streamsr.training.degrade import bicubic_real
from streamsr.training.metrics import luma, psnr, to_codes
from streamsr.training.perceptual import feature_distance
from streamsr.training.sharpness import detail_ratio, gradient_ratio, temporal_noise
from streamsr.zoo.catalog import resolve

Image = npt.NDArray[np.uint8]
Methods = Mapping[str, Any]
"""Name -> function of an RGB picture `(H, W, 3)` to the larger one."""

SHOT, READ = 0.04, 1.0
CODEC = Compression("libx264", 23, "medium")
SCENES, FRAMES, SIDE = 8, 12, 96
HALFWAY = 0.5


def compare_twins(parent: str, folders: Sequence[Path], backbone: Path) -> dict[str, Any]:
    """Bicubic, the parent, the mixture halfway (`--detail 0.5`) and the twin, over all pictures of the sets."""
    judge = load_backbone(backbone)
    with ExitStack() as stack:
        chains = {name: stack.enter_context(chain) for name, chain in _chains(parent).items()}
        scale = next(iter(chains.values())).scale
        methods: dict[str, Any] = {"bicubic": partial(bicubic_rgb, scale=scale)}
        methods |= {name: partial(upscale, model=chain) for name, chain in chains.items()}
        pairs = [pair for folder in folders for pair in read_set(folder, scale)]
        return {
            "parent": parent,
            "scale": scale,
            "images": len(pairs),
            "methods": looks(methods, pairs, scale, judge),
            "boiling": boiling(methods, pairs[:SCENES], parent),
        }


def _chains(parent: str) -> dict[str, Chain]:
    """In fp32, so that no rounding poses as texture."""
    options = EngineOptions(precision="fp32")
    mixed = f"{parent} --detail {HALFWAY:g}"
    return {
        parent: Chain(parent, options=options),
        mixed: Chain(parent, options=options, detail=HALFWAY),
        Path(resolve(parent).twin or "").stem: Chain(parent, options=options, detail=1.0),
    }


def bicubic_rgb(image: Image, scale: int) -> Image:
    """An RGB picture enlarged as MATLAB's `imresize` does."""
    return to_codes(bicubic_real(image, Fraction(scale)))


def looks(methods: Methods, pairs: Sequence[Pair], scale: int, judge: Backbone) -> dict[str, dict[str, float]]:
    """Means of the figures above over the pictures."""
    found: dict[str, list[list[float]]] = {name: [] for name in methods}
    for pair in pairs:
        truth = luma(pair.high)
        for name, method in methods.items():
            picture = method(pair.low)
            seen = luma(picture)
            distance = float(feature_distance(judge, _tensor(picture), _tensor(pair.high))[0])
            sharpness = detail_ratio(seen, truth, scale), gradient_ratio(seen, truth)
            found[name].append([distance, *sharpness, psnr(seen, truth, scale)])
    titles = ("distance", "detail", "gradients", "psnr")
    return {name: dict(zip(titles, np.mean(each, axis=0).tolist(), strict=True)) for name, each in found.items()}


def boiling(methods: Methods, pairs: Sequence[Pair], parent: str) -> dict[str, dict[str, float]]:
    """Temporal noise over all scenes, of raw and coded clips, in units of the parent's."""
    noise: dict[str, dict[str, list[float]]] = {name: {"raw": [], "coded": []} for name in methods}
    for kind, clip in _clips(pairs):
        for name, method in methods.items():
            noise[name][kind].append(temporal_noise(np.stack([luma(method(frame)) for frame in clip])))
    own = {kind: float(np.mean(figures)) for kind, figures in noise[parent].items()}
    return {
        name: {kind: float(np.mean(figures)) / own[kind] for kind, figures in each.items()}
        for name, each in noise.items()
    } | {"codes": own}


def _clips(pairs: Sequence[Pair]) -> Iterator[tuple[str, Image]]:
    for index, pair in enumerate(pairs):
        clip = still_clip(_middle(pair.low), np.random.default_rng(index))
        yield "raw", clip
        yield "coded", code_clip(clip, CODEC).frames


def still_clip(image: Image, rng: np.random.Generator) -> Image:
    """`(FRAMES, H, W, 3)` uint8: one picture under the noise of a sensor."""
    deviation = np.sqrt(SHOT * image + READ)
    return to_codes(image + deviation * rng.standard_normal((FRAMES, *image.shape)))


def _middle(image: Image) -> Image:
    rows, columns = (min(SIDE, side // 2 * 2) for side in image.shape[:2])
    top, left = (image.shape[0] - rows) // 2, (image.shape[1] - columns) // 2
    return image[top : top + rows, left : left + columns]


def _tensor(image: Image) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255
