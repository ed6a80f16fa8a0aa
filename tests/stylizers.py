"""Tiny stylizers with random weights, frozen as trained ones are, and the models they become."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from streamsr.graph.model import Model
from streamsr.spec import ModelSpec

if TYPE_CHECKING:
    from streamsr.generators.style import Stylizer

STYLES = ("ink", "oil", "chalk")


def stylizer(styles: tuple[str, ...] = STYLES, widths: tuple[int, int, int] = (8, 8, 8), blocks: int = 1) -> Stylizer:
    """One whose styles differ, and whose running statistics are those of soft pictures; in evaluation mode."""
    import torch

    from streamsr.generators.conditional_norm import norms
    from streamsr.generators.style import StyleConfig, Stylizer

    torch.manual_seed(0)
    made = Stylizer(StyleConfig(styles, widths, blocks)).train()
    with torch.random.fork_rng():
        made.trunk.last.reset_parameters()  # a trained one's four phases differ
    soft = torch.nn.functional.interpolate(torch.rand(4, 3, 9, 9), size=(48, 56), mode="bilinear")
    with torch.no_grad():
        for norm in norms(made):
            norm.gamma += 0.3 * torch.randn_like(norm.gamma)
            norm.beta += 0.3 * torch.randn_like(norm.beta)
        made(soft, strength=torch.zeros(1, 1))
        for weights in torch.eye(len(styles)):
            made(soft, weights[None])
    made.freeze()
    return made.eval()


@cache
def stylizer_model() -> Model:
    """The exported form of `stylizer()`."""
    from exporters.onnx import to_onnx

    proto, spec = to_onnx(stylizer(), ModelSpec("tiny-style"))
    return Model(spec, proto)


def controls(*weights: float, strength: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """What a model of `STYLES` is told."""
    return np.array([weights], np.float32), np.array([[strength]], np.float32)


INK = controls(1, 0, 0)
MIXED = controls(0.2, 0.5, 0.3, strength=0.7)
PLAIN = controls(0, 1, 0, strength=0)
