"""What stylizing costs: the engine alone, and the whole run with decode, smoothing and encode.

    python -m benchmarks.stylize CLIP … [--model style-live …] [--style great_wave] [--rounds 3] [--frames 250]

A clip of 360 lines is what the figures are meant for. Engines run decoded frames, the look made part of their weights;
runs are `streamsr.stylize` to H.264 (x264 `veryfast`, crf 20) with the engine compiled beforehand. Everything is
measured once in each round, so that a machine that slows down slows all alike.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from streamsr.assembly import EngineOptions
from streamsr.chain import Chain, stream_format
from streamsr.engines.available import native_precisions
from streamsr.infer import Inference
from streamsr.look import StyleOptions
from streamsr.media.create import create_sink
from streamsr.media.open import open_source
from streamsr.media.read_options import ReadOptions
from streamsr.pipeline import Pipeline
from streamsr.zoo.catalog import STYLIZER

from .common import Cost, measure, median_and_spread, save
from .stages import ENCODING

WARM_UP = 8
RUNS: dict[str, tuple[float, tuple[str, ...]]] = {
    "stylize, not smoothed": (0.0, ()),
    "stylize": (0.85, ()),
    "stylize --upscale live-x2": (0.85, ("live-x2",)),
}
"""Name -> how much is smoothed, and what enlarges the result."""


def main() -> None:
    """Measure, print, save."""
    options = _arguments()
    result: dict[str, Any] = {"rounds": options.rounds, "style": options.style, "clips": {}}
    for clip in options.clips:
        costs: dict[str, list[Cost]] = defaultdict(list)
        for _ in range(options.rounds):
            for model in options.model:
                for name, cost in one_round(clip, model, options.style, options.frames):
                    costs[f"{model}: {name}"].append(cost)
        result["clips"][clip.name] = {name: _summary(found) for name, found in costs.items()}
        for name, figures in result["clips"][clip.name].items():
            shown = " ".join(f"{key} {value['median']:.1f}" for key, value in figures.items() if key != "frames")
            print(f"{clip.name:24} {name:44} {shown}")
    print(save(options.name, result))


def one_round(clip: Path, model: str, style: str, frames: int) -> Iterator[tuple[str, Cost]]:
    """Everything once, each with its name."""
    for precision in native_precisions():
        yield f"engine, {precision}", engine(clip, model, style, precision, frames)
    for name, (smooth, enlargers) in RUNS.items():
        with Chain(model, *enlargers, style=StyleOptions(style, smooth=smooth)) as chain:
            yield name, whole_run(clip, chain, frames)


def engine(clip: Path, model: str, style: str, precision: str, frames: int) -> Cost:
    """Every frame, decoded beforehand, through the stylizer alone."""
    with closing(open_source(str(clip), ReadOptions(frames=frames))) as source:
        info, pictures = source.info, list(source)
    options = EngineOptions(precision=precision)
    with Chain(model, options=options, style=StyleOptions(style, smooth=0.0)) as chain:
        target = stream_format(chain.output_info(info))
        with chain.engine(stream_format(info), target, pictures[:2]) as compiled:
            inference = Inference(compiled, target)
            list(islice(inference(pictures[:WARM_UP]), WARM_UP))
            return measure(lambda: sum(1 for _ in inference(pictures)))


def whole_run(clip: Path, chain: Chain, frames: int) -> Cost:
    """Decode, paint, smooth, enlarge, encode."""
    with tempfile.TemporaryDirectory() as folder:

        def run(count: int) -> Callable[[], int]:
            sink = create_sink(str(Path(folder) / "out.mp4"), ENCODING)
            source = open_source(str(clip), ReadOptions(frames=count))
            return lambda: Pipeline(source, chain, sink).run().frames

        run(WARM_UP)()  # compiles the engines, which the chain keeps
        return measure(run(frames))


def _summary(costs: list[Cost]) -> dict[str, Any]:
    return {
        "frames": costs[0].frames,
        "fps": median_and_spread(cost.fps for cost in costs),
        "ms": median_and_spread(1000 / cost.fps for cost in costs),
        "cpu_ms": median_and_spread(cost.cpu_ms for cost in costs),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--model", nargs="+", default=[STYLIZER])
    parser.add_argument("--style", default="great_wave")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=250, help="of each clip, at most")
    parser.add_argument("--name", default="stylize")
    return parser.parse_args()


if __name__ == "__main__":
    main()
