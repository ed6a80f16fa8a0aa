"""Make the interpolations of the zoo, to compare networks with on the same pipeline.

    python -m exporters.baselines --eval FOLDER

They are files like any model's (a kilobyte each), so everything that takes a model takes them, without torch.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from streamsr.spec import ModelSpec
from streamsr.zoo.catalog import HOME

from .bundle import About, benchmark_sets, make_model
from .candidates import METHODS, method

SCALES = 2, 4
_WORDS = {
    "nearest": "every pixel repeated",
    "bilinear": "linear between pixels: soft",
    "bicubic": "Keys' cubic, the baseline of the literature",
    "lanczos": "windowed sinc of three lobes, the sharpest of these",
    "gaussian": "smoothed by a Gaussian, then bicubic: noise goes, and detail with it",
}


def about(name: str, scale: int) -> About:
    """What is said about an interpolation."""
    return About(
        summary=f"{name} {scale}x, for comparison: {_WORDS[name]}",
        group="interpolation",
        description=f"{name.capitalize()} interpolation of luma, {scale}x: {_WORDS[name]}.",
        licence="Apache-2.0",
        training_data="none: a formula",
        card="interpolation.md",
    )


def main(arguments: list[str] | None = None, home: Path = HOME) -> None:
    """Parse the command line, write every interpolation into the zoo, print the figures for the card."""
    parser = argparse.ArgumentParser(description="Make the interpolations of the zoo.")
    parser.add_argument("--eval", type=Path, required=True, help="folder of benchmark sets: Set5/HR, Set14/HR")
    options = parser.parse_args(arguments)
    sets = benchmark_sets(options.eval)
    for scale in SCALES:
        for name in METHODS:
            spec = ModelSpec(f"{name}-x{scale}")
            figures = make_model(method(name, scale), spec, about(name, scale), sets, home=home)["fp32"]
            cells = (f"{figures[f'{each}_psnr']:.2f} / {figures[f'{each}_ssim']:.4f}" for each in sets)
            sys.stdout.write(f"| `{spec.name}` | {' | '.join(cells)} |\n")


if __name__ == "__main__":
    main()
