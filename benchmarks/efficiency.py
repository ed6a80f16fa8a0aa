"""What the pipeline loses: its speed over what engine, decoder and encoder leave possible.

    python -m benchmarks.efficiency [--model fast-x2 …] [--size 640x360 …] [--rounds 3] [--frames 80]

On `n` cores, the engine alone makes `f` frames a second of decoded ones (every core is its own then), and decoding and
encoding a frame alone take `d` and `e` CPU seconds. If nothing is lost, a frame takes the machine `1/f` seconds for the
engine and `(d + e)/n` more for the codecs, which the engine cannot have:

    possible = 1 / (1/f + (d + e) / n)        efficiency = fps of the whole run / possible

Everything is measured in processes of its own, interleaved, and divided within a round. The whole run is counted from
the opened source to the finished file, with the engine compiled beforehand. The goal is 0.90.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streamsr.bench.case import frame_size
from streamsr.bench.scene import FRAMES_MOST, Scene, write_scene

from .common import Cost, in_child, median_and_spread, save
from .pipeline import STAGES
from .speed_tables import efficiency_table

MODELS = ("fast-x2", "live-x2")
SIZES = ("640x360", "960x540")
GOAL = 0.90


def main() -> None:
    """Measure, print a table, save the result."""
    options = _arguments()
    cases = [(size, model) for size in options.size or SIZES for model in options.model or MODELS]
    with tempfile.TemporaryDirectory() as folder:
        clips = {size: make_clip(size, Path(folder), options.frames) for size in dict(cases)}
        rounds = [[one_round(clips[size], model) for size, model in cases] for _ in range(options.rounds)]
    rows = [
        {"model": model, "size": size, **summarize(costs)}
        for (size, model), costs in zip(cases, zip(*rounds, strict=True), strict=True)
    ]
    result = {"goal": GOAL, "cores": os.cpu_count(), "rounds": options.rounds, "frames": options.frames, "rows": rows}
    print(efficiency_table(result))
    print(save(options.name, result))


def make_clip(size: str, folder: Path, frames: int) -> str:
    """Generated frames as an H.264 file."""
    path = folder / f"{size}.mp4"
    write_scene(path, Scene(*frame_size(size)), frames)
    return str(path)


def one_round(clip: str, model: str) -> dict[str, Cost]:
    """Each stage alone, and the whole run."""
    return {stage: Cost(**in_child("benchmarks.stages", [stage, clip, model])) for stage in (*STAGES, "pipeline")}


def summarize(rounds: Sequence[dict[str, Cost]]) -> dict[str, Any]:
    """Medians and spreads of the stages and of the efficiency."""
    return {
        "engine_fps": median_and_spread(costs["engine"].fps for costs in rounds),
        "decode_cpu_ms": median_and_spread(costs["decode"].cpu_ms for costs in rounds),
        "encode_cpu_ms": median_and_spread(costs["encode"].cpu_ms for costs in rounds),
        "fps": median_and_spread(costs["pipeline"].fps for costs in rounds),
        "possible_fps": median_and_spread(possible_fps(costs) for costs in rounds),
        "efficiency": median_and_spread(costs["pipeline"].fps / possible_fps(costs) for costs in rounds),
    }


def possible_fps(costs: dict[str, Cost], cores: int | None = None) -> float:
    """What is possible if nothing is lost, by the formula above."""
    codecs = (costs["decode"].cpu_ms + costs["encode"].cpu_ms) / 1000
    return 1 / (1 / costs["engine"].fps + codecs / (cores or os.cpu_count() or 1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help=f"of the zoo  [default: {', '.join(MODELS)}]")
    parser.add_argument("--size", action="append", help=f"of the input  [default: {', '.join(SIZES)}]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=80, choices=range(1, FRAMES_MOST + 1), metavar="N")
    parser.add_argument("--name", default="efficiency")
    return parser.parse_args()


if __name__ == "__main__":
    main()
