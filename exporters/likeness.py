"""How much a stylizer's picture changes when it is quantized."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from streamsr.graph.model import Model
from streamsr.training.images import find_images, read_rgb

from .calibration import EVERY_IMAGE
from .samples import feed

if TYPE_CHECKING:
    import onnxruntime

Floats = npt.NDArray[np.float32]


def likeness(model: Model, original: Model, sets: Mapping[str, Path]) -> dict[str, float]:
    """PSNR of what a stylizer makes of sets of pictures against what the one it was made from does, mean, dB, peak 1.

    Args:
        model: the stylizer.
        original: with the same styles.
        sets: name -> folder with the pictures in `HR/`.

    Returns:
        `<set>_<style>_psnr` for every style alone, at full strength.
    """
    styles = model.spec.conditioning
    ours, theirs = _session(model), _session(original)
    metrics: dict[str, float] = {}
    for name, folder in sets.items():
        pictures = list(_pictures(folder, model.spec.multiple_of))
        for style, weights in zip(styles, np.eye(len(styles), dtype=np.float32)[:, None], strict=True):
            found, wanted = (_painted(each, pictures, weights) for each in (ours, theirs))
            metrics[f"{name}_{style}_psnr"] = _mean_psnr(found, wanted)
    return metrics


def _pictures(folder: Path, multiple: int) -> Iterator[Floats]:
    """Pictures `(1, 3, H, W)` in [0, 1], cut to whole steps of the model."""
    for path in find_images(folder / "HR", EVERY_IMAGE):
        image = read_rgb(path)
        height, width = (side // multiple * multiple for side in image.shape[:2])
        yield np.ascontiguousarray(image[:height, :width].transpose(2, 0, 1)[None], np.float32) / np.float32(255)


def _session(model: Model) -> onnxruntime.InferenceSession:
    import onnxruntime

    return onnxruntime.InferenceSession(model.proto.SerializeToString(), providers=["CPUExecutionProvider"])


def _painted(session: onnxruntime.InferenceSession, pictures: list[Floats], weights: Floats) -> list[Floats]:
    strength = np.ones((1, 1), np.float32)
    return [session.run(None, feed(session, (picture, weights, strength)))[0] for picture in pictures]


def _mean_psnr(found: list[Floats], wanted: list[Floats]) -> float:
    errors = [float(np.mean((ours - theirs) ** 2)) for ours, theirs in zip(found, wanted, strict=True)]
    return round(float(np.mean([-10 * np.log10(max(error, 1e-12)) for error in errors])), 3)
