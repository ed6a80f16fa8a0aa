"""How good every model of the zoo is: fidelity on benchmark sets, and what adversarial twins add and cost.

    python -m benchmarks.quality --eval FOLDER [--backbone squeezenet_v1_1.npz] [--model live-x2 …]

FOLDER holds Set5, Set14, …, each with `HR` and, where there are such, `LR_x2`, `LR_x4`; small pictures that are missing
are made as MATLAB's `imresize` does. Fidelity is PSNR-Y and SSIM-Y by the literature's rule (`exporters.evaluate`).

With `--backbone` (weights of SqueezeNet 1.1, which no model is trained by), every model that has a `-gan` twin is
compared with it as `benchmarks.texture` says.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from exporters.bundle import benchmark_sets
from exporters.candidates import BICUBIC, METHODS, candidates
from exporters.evaluate import Score, mean, score
from exporters.pairs import read_set
from streamsr.graph.model import load_model
from streamsr.zoo import catalog

from .common import save
from .tables import quality_table, texture_table


def main() -> None:
    """Measure, print tables, save the result."""
    options = _arguments()
    sets = benchmark_sets(options.eval)
    models = options.model or list(with_variants(catalog.names("sr")))
    scales = {name: load_model(catalog.resolve(name).path).spec.scale for name in models}
    result: dict[str, Any] = {
        "sets": {
            name: {
                str(scale): fidelity(folder, [each for each in models if scales[each] == scale], scale)
                for scale in sorted(set(scales.values()))
            }
            for name, folder in sets.items()
        },
        "texture": textures(models, list(sets.values()), options.backbone),
    }
    for scale in sorted(set(scales.values())):
        print(f"{scale}x, PSNR-Y in dB / SSIM-Y\n\n{quality_table(result, scale)}\n")
    if result["texture"]:
        print(texture_table(result))
    print(save(options.name, result))


def with_variants(names: Iterable[str]) -> Iterable[str]:
    """Every name, followed by that of its int8 form; no second bicubic beside the literature's."""
    for name in names:
        if name.rpartition("-x")[0] == BICUBIC:
            continue
        yield name
        if catalog.INT8 in catalog.resolve(name).variants:
            yield f"{name}.{catalog.INT8}"


def fidelity(folder: Path, models: Sequence[str], scale: int) -> dict[str, Any]:
    """Mean PSNR-Y and SSIM-Y of bicubic and every model on one set; interpolations first."""
    ordered = sorted(models, key=lambda name: name.rpartition("-x")[0] not in METHODS)
    contest, _ = candidates([BICUBIC, *ordered], scale)
    scores: dict[str, list[Score]] = {name: [] for name in contest}
    for each in score(contest, read_set(folder, scale), scale):
        for name, one in each.items():
            scores[name].append(one)
    images = len(scores[BICUBIC])
    return {"images": images, "quality": {name: asdict(mean(found)) for name, found in scores.items()}}


def textures(models: Sequence[str], folders: Sequence[Path], backbone: Path | None) -> list[dict[str, Any]]:
    """The comparison of every model that has a twin with it; empty, and said why, where there is nothing to do."""
    parents = [name for name in models if catalog.resolve(name).twin]
    if not parents:
        print("no model has a -gan twin: nothing to say about texture", file=sys.stderr)
        return []
    if backbone is None:
        print(f"no --backbone: nothing said about the twins of {', '.join(parents)}", file=sys.stderr)
        return []
    from .texture import compare_twins

    return [compare_twins(name, folders, backbone) for name in parents]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True, help="folder of benchmark sets: Set5/HR, Set14/HR")
    parser.add_argument("--model", action="append", help="of the zoo, or an ONNX file  [default: the whole zoo]")
    parser.add_argument("--backbone", type=Path, help="squeezenet_v1_1.npz")
    parser.add_argument("--name", default="quality")
    return parser.parse_args()


if __name__ == "__main__":
    main()
