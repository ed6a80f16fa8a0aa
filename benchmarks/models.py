"""What every model of the zoo costs: weights, multiply-accumulates, milliseconds a frame on this machine.

    python -m benchmarks.models [--model live-x2 …] [--size 640x360 …] [--backend openvino] [--rounds 5] [--seconds 2]

Engines run whole frame graphs on 8-bit 4:2:0 video as the pipeline runs them, several frames in flight, and decode and
encode nothing. Every round measures everything once, so that a machine that slows down slows all alike; engines come
from the cache after the first round. An adversarial twin is left out: it is the same network as its parent.

The table is in `docs/models.md` (`scripts/models_table.py` puts it there).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle, islice
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from streamsr.assembly import EngineOptions
from streamsr.chain import Chain, stream_format
from streamsr.cli.options import parse_size
from streamsr.color import Color
from streamsr.engines.available import native_precisions
from streamsr.frame import Frame, VideoInfo
from streamsr.graph.model import load_model
from streamsr.infer import Inference
from streamsr.layout import pixel_layout
from streamsr.zoo import catalog

from .common import Cost, environment, measure, median_and_spread, save
from .counting import count
from .tables import PRECISIONS, cost_table, machine

SIZES = ("640x360", "960x540", "1280x720")
RATE = Fraction(25)
PICTURES = 3
"""Different ones in turn, because a picture that repeats is not computed again."""
FRAMES_MOST = 100


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing to measure."""

    model: str
    precision: str
    size: str


def main() -> None:
    """Measure, print a table, save the result."""
    options = _arguments()
    names = options.model or [name for name in catalog.names("sr") if not is_twin(name)]
    result: dict[str, Any] = {"backend": options.backend, "rounds": options.rounds, "sizes": options.size}
    result["models"] = {name: described(name) for name in names}
    settings = list(all_settings(names, options.size, options.backend))
    costs: dict[Setting, list[Cost]] = {setting: [] for setting in settings}
    for _ in range(options.rounds):
        for setting in settings:
            cost = frame_cost(setting, options.backend, options.seconds)
            if cost is not None:
                costs[setting].append(cost)
    for setting, found in costs.items():
        times = result["models"][setting.model]["times"].setdefault(setting.size, {})
        times[setting.precision] = summary(found) if found else None
    for unit, what in (("ms", "milliseconds a frame"), ("cpu_ms", "CPU milliseconds a frame")):
        print(f"{what}, {' / '.join(PRECISIONS)}, medians of {options.rounds} rounds\n\n{cost_table(result, unit)}\n")
    print(machine({**result, "environment": environment()}))
    print(save(options.name, result))


def is_twin(name: str) -> bool:
    """Whether a model of the zoo differs from another one in its weights alone."""
    return name.endswith(catalog.TWIN) and name.removesuffix(catalog.TWIN) in catalog.names()


def described(name: str) -> dict[str, Any]:
    """What is known of a model without running it."""
    entry = catalog.resolve(name)
    model = load_model(entry.path)
    counted = count(model)
    facts = entry.facts
    return {
        "group": facts.group if facts else "",
        "scale": model.spec.scale,
        "color": model.spec.color,
        "weights": facts.weights if facts else counted.weights,
        "convolutions": counted.to_dict(),
        "times": {},
    }


def all_settings(names: Sequence[str], sizes: Sequence[str], backend: str) -> Iterator[Setting]:
    """Every model in every precision that it comes in and the processor computes natively, at every size."""
    native = native_precisions(backend)
    for size in sizes:
        for name in names:
            without = () if catalog.INT8 in catalog.resolve(name).variants else (catalog.INT8,)
            yield from (Setting(name, precision, size) for precision in native if precision not in without)


def frame_cost(setting: Setting, backend: str, seconds: float) -> Cost | None:
    """Run an engine for about so long; None when the accuracy guard has refused the precision."""
    width, height = parse_size(setting.size)
    info = VideoInfo(width, height, pixel_layout("yuv420p"), 1 / RATE, Color("bt709", "tv"), frame_rate=RATE)
    frames = pictures(info)
    with Chain(setting.model, options=EngineOptions(backend=backend, precision=setting.precision)) as chain:
        target = stream_format(chain.output_info(info))
        with chain.engine(stream_format(info), target, frames[:2]) as engine:
            if engine.spec.precision != setting.precision:
                return None
            inference = Inference(engine, target)

            def run(number: int) -> int:
                return sum(1 for _ in inference(islice(cycle(frames), number)))

            run(engine.spec.depth)
            first = measure(lambda: run(engine.spec.depth))
            if first.wall_seconds >= seconds:
                return first
            return measure(lambda: run(min(FRAMES_MOST, max(engine.spec.depth, round(seconds * first.fps)))))


def pictures(info: VideoInfo) -> list[Frame]:
    """Frames of a video: soft shapes under fine grain, no two alike."""
    rng = np.random.default_rng(0)
    shapes = info.layout.plane_shapes(info.width, info.height)
    planes = [tuple(_plane(shape, rng) for shape in shapes) for _ in range(PICTURES)]
    return [
        Frame(each, info.layout, index, info.time_base, 1, info.color, cut=index == 0)
        for index, each in enumerate(planes)
    ]


def _plane(shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    rows, columns = shape[:2]
    soft = cv2.resize(rng.uniform(40, 200, (9, 16)), (columns, rows), interpolation=cv2.INTER_CUBIC)
    return np.clip(soft + rng.normal(0, 2, (rows, columns)), 16, 235).astype(np.uint8).reshape(shape)


def summary(costs: Sequence[Cost]) -> dict[str, dict[str, float]]:
    """Milliseconds a frame: what passes, and what all cores together spend."""
    return {
        "ms": median_and_spread(1000 / cost.fps for cost in costs),
        "cpu_ms": median_and_spread(cost.cpu_ms for cost in costs),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="of the zoo, or an ONNX file  [default: the whole zoo]")
    parser.add_argument("--size", action="append", help=f"of the input  [default: {', '.join(SIZES)}]")
    parser.add_argument("--backend", default="openvino", help="openvino or onnxruntime")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement, about")
    parser.add_argument("--name", default="models")
    options = parser.parse_args()
    options.size = options.size or list(SIZES)
    return options


if __name__ == "__main__":
    main()
