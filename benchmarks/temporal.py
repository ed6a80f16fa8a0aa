"""How still stylized video holds: clips by methods.

    python -m benchmarks.temporal CLIP … --style great_wave … [--model style-live] [--plain plain.onnx] [--frames 120]

Every clip is painted in every style, without smoothing, by the model and, if given, by the same network trained without
stability losses (`--plain`); each is then smoothed by each of `benchmarks.smoothers`. Figures are those of
`streamsr eval temporal`: sharpness, PSNR and ghosts are against the same model's pictures without smoothing. What is
won, in E_warp and in E_n, is against the first model without smoothing, the plain one where there is one.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from itertools import tee
from pathlib import Path
from typing import Any

import streamsr
from streamsr.analysis.luma import Luma, luma_plane
from streamsr.analysis.temporal.meter import TemporalMeter
from streamsr.analysis.temporal.steps import Moment, Rgb, Step, steps
from streamsr.frame import Frame
from streamsr.media.open import open_source
from streamsr.media.read_options import ReadOptions
from streamsr.media.rgb import frame_rgb
from streamsr.zoo.catalog import STYLIZER

from .common import save
from .smoothers import Smoother, smoothers
from .style_tables import clip_table, mean_table

PIX_FMT = "yuv420p"
UNSMOOTHED = "none"

Method = tuple[str, str]
"""A model and a smoother."""


def main() -> None:
    """Measure, print tables, save the result."""
    options = _arguments()
    models = {Path(model).stem: model for model in (options.plain, options.model) if model}
    named = {name: Path(model).name for name, model in models.items()}
    result: dict[str, Any] = {"frames": options.frames, "models": named, "clips": {}}
    for clip in options.clips:
        for style in options.style:
            name = f"{clip.stem}, {style}"
            result["clips"][name] = figures = one_clip(clip, models, style, options.frames)
            print(f"{name}\n\n{clip_table(figures)}\n")
    print(f"geometric means\n\n{mean_table(result)}\n")
    print(save(options.name, result))


def one_clip(clip: Path, models: Mapping[str, str], style: str, frames: int) -> dict[str, dict[str, Any]]:
    """What every method makes of one clip in one style, by `model, smoother`."""
    with tempfile.TemporaryDirectory() as folder:
        painted = {name: Path(folder) / f"{name}.mkv" for name in models}
        for name, path in painted.items():
            look = {"model": models[name], "style": style, "smooth": 0.0, "precision": "fp32"}
            streamsr.stylize(clip, path, **look, codec="ffv1", pix_fmt=PIX_FMT, frames=frames)
        meters = _metered(clip, painted, frames)
    scores = {f"{model}, {smoother}": asdict(meter.score()) for (model, smoother), meter in meters.items()}
    yardstick = next(iter(scores.values()))
    for score in scores.values():
        score["e_warp_gain"] = yardstick["e_warp"] / score["e_warp"]
        score["e_n_gain"] = yardstick["e_n"] / score["e_n"]
    return scores


def _metered(clip: Path, painted: Mapping[str, Path], frames: int) -> dict[Method, TemporalMeter]:
    """All methods side by side: how the clip moves is found once."""
    meters: dict[Method, TemporalMeter] = defaultdict(TemporalMeter)
    before: dict[Method, Moment] = {}
    with ExitStack() as stack:
        paths, part = (clip, *painted.values()), ReadOptions(frames=frames)
        source, *videos = (stack.enter_context(closing(open_source(path, part))) for path in paths)
        banks = [smoothers(info.layout, info.width, info.height) for info in (video.info for video in videos)]
        seen, shown = tee(source)
        moving = steps(Moment(picture, picture) for picture in map(frame_rgb, shown))
        for frame, step, *pictures in zip(seen, moving, *videos, strict=True):
            luma = luma_plane(frame.planes, frame.layout)
            for model, bank, picture in zip(painted, banks, pictures, strict=True):
                unsmoothed = frame_rgb(picture)
                for smoother, output in {UNSMOOTHED: unsmoothed, **_smoothed(bank, luma, picture)}.items():
                    method, now = (model, smoother), Moment(step.now.source, output, unsmoothed)
                    meters[method].add(Step(step.index, before.get(method), now, step.motion))
                    before[method] = now
    return meters


def _smoothed(bank: Mapping[str, Smoother], luma: Luma, picture: Frame) -> dict[str, Rgb]:
    """A painted frame after each of the smoothers."""
    return {name: frame_rgb(replace(picture, planes=smooth(luma, picture.planes))) for name, smooth in bank.items()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--style", action="append", required=True, help="one of the models' styles; repeatable")
    parser.add_argument("--model", default=STYLIZER, help="of the zoo, or an ONNX file")
    parser.add_argument("--plain", help="the same, trained without stability losses")
    parser.add_argument("--frames", type=int, default=120, help="of each clip")
    parser.add_argument("--name", default="temporal")
    return parser.parse_args()


if __name__ == "__main__":
    main()
