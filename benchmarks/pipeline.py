"""Where the time of an upscaling run goes, and what the same job costs when written by hand.

    python -m benchmarks.pipeline [CLIP] [--rounds 3] [--fsrcnn MODEL.pb --opencv-python PYTHON] [--name pipeline]

Every figure comes from a process of its own; the rounds interleave them, and ratios are taken within a round, so that
a machine that slows down slows everything alike. Without CLIP, the demo's clip is made. The FSRCNN loop needs an
environment of its own, because opencv-contrib 4 and OpenCV 5 exclude each other: `pip install
"opencv-contrib-python<5" av` there, and name its python.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .common import Cost, in_child, median_and_spread, save

STAGES = ("decode", "engine", "encode")


def main() -> None:
    """Measure, print a table, save the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fsrcnn", help="FSRCNN_x2.pb")
    parser.add_argument("--opencv-python", default=sys.executable, help="a python with opencv-contrib-python 4 and av")
    parser.add_argument("--no-torch", action="store_true")
    parser.add_argument("--name", default="pipeline")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = options.clip or make_clip(Path(folder))
        rounds = [one_round(clip, options) for _ in range(options.rounds)]
    result = {"clip": Path(clip).name, "rounds": options.rounds, **summarize(rounds)}
    print_table(result)
    print(save(options.name, result))


def make_clip(folder: Path) -> str:
    """The demo's clip."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
    import demo_clip

    demo_clip.write_clip(folder / "clip.mp4")
    return str(folder / "clip.mp4")


def one_round(clip: str, options: argparse.Namespace) -> dict[str, Cost]:
    """Everything once."""
    costs = {stage: Cost(**in_child("benchmarks.stages", [stage, clip])) for stage in (*STAGES, "pipeline")}
    if not options.no_torch:
        costs["torch loop"] = Cost(**in_child("benchmarks.peers.torch_loop", [clip]))
    if options.fsrcnn:
        script = Path(__file__).parent / "peers" / "fsrcnn_loop.py"
        command = [options.opencv_python, str(script), clip, options.fsrcnn]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        costs["FSRCNN loop"] = Cost(**json.loads(done.stdout.splitlines()[-1]))
    return costs


def summarize(rounds: list[dict[str, Cost]]) -> dict[str, Any]:
    """Medians and spreads of every figure, and of the ratios within each round."""
    figures = {
        name: {
            "fps": median_and_spread(costs[name].fps for costs in rounds),
            "cpu_ms": median_and_spread(costs[name].cpu_ms for costs in rounds),
        }
        for name in rounds[0]
    }
    ratios = {
        "cpu: pipeline / sum of its stages": median_and_spread(
            costs["pipeline"].cpu_ms / sum(costs[stage].cpu_ms for stage in STAGES) for costs in rounds
        )
    }
    for peer in ("torch loop", "FSRCNN loop"):
        if peer in rounds[0]:
            ratios[f"fps: pipeline / {peer}"] = median_and_spread(
                costs["pipeline"].fps / costs[peer].fps for costs in rounds
            )
    return {"frames": rounds[0]["pipeline"].frames, "figures": figures, "ratios": ratios}


def print_table(result: dict[str, Any]) -> None:
    """The figures for reading."""
    print(f"{result['clip']}, {result['frames']} frames, median of {result['rounds']} (smallest to largest)")
    for name, figure in result["figures"].items():
        fps, cpu = figure["fps"], figure["cpu_ms"]
        spread = f"({fps['min']:.1f} to {fps['max']:.1f})"
        print(f"  {name:<14}{fps['median']:8.1f} fps {spread:<18}{cpu['median']:8.1f} CPU ms a frame")
    for name, ratio in result["ratios"].items():
        print(f"  {name}: {ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})")


if __name__ == "__main__":
    main()
