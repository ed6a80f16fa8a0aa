"""Upscaling of compressed video: how close each method comes to the picture before compression.

    python -m benchmarks.compressed --videos DIR --images DIR [DIR …] [--model live-x2 …] [--codec libx264]
        [--crf 23 26 29 32] [--name compressed]

True clips are videos at half their size, because they are compressed themselves and their own artefacts shrink with
them, and stills panned over. They are downscaled as MATLAB does, encoded, decoded, upscaled frame by frame and compared
on luma by the literature's rule (`streamsr.training.metrics`). Key frames, which every encoder favours, and the last
frames are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from exporters.candidates import candidates
from exporters.evaluate import Upscale
from streamsr.media.codec_roundtrip import ENCODERS, Compression, code_clip
from streamsr.training.clips import Clip, clip_from_image, read_clips
from streamsr.training.degradations.bicubic import Bicubic
from streamsr.training.images import read_rgb
from streamsr.training.metrics import luma, psnr, ssim

from .common import save

FRAMES = 12
SCORED = (2, 5, 8)
EVERY = 48
RUNS = 2
"""Clips of each video: the last ones of the first three, since many a film begins in the dark."""
LARGEST = (360, 640)
"""Rows and columns of a true clip: the middle of larger ones is taken."""


@dataclass(frozen=True, slots=True)
class Level:
    """One degree of compression; none at all without a crf."""

    codec: str
    crf: float | None
    preset: str | None

    def __str__(self) -> str:
        return "uncompressed" if self.crf is None else f"{self.codec} crf {self.crf:g}"

    def through(self, low: Clip) -> tuple[Clip, float | None]:
        """What a viewer gets of a clip, and its bits per pixel."""
        if self.crf is None:
            return low, None
        coded = code_clip(low, Compression(self.codec, self.crf, self.preset))
        return coded.frames, 8 * coded.size / (low.size / 3)


def main() -> None:
    """Measure, print a table, save the result."""
    options = _arguments()
    upscalers, scale = candidates(["bicubic", "lanczos", *(options.model or ["live-x2"])], options.scale)
    presets = {"libvpx-vp9": None}
    levels = [Level(options.codec, crf, presets.get(options.codec, "medium")) for crf in (None, *options.crf)]
    sources = {"videos": _from_videos(options.videos, scale), "images": _from_images(options.images, scale)}
    groups = {name: measure(clips, levels, upscalers, scale) for name, clips in sources.items()}
    result = {"scale": scale, "frames": FRAMES, "scored": SCORED, "groups": {k: v for k, v in groups.items() if v}}
    print_tables(result)
    print(save(options.name, result))


def measure(
    clips: Iterator[Clip], levels: Sequence[Level], upscalers: Mapping[str, Upscale], scale: int
) -> dict[str, Any]:
    """Mean PSNR-Y, SSIM-Y and bits per pixel of every level and method over `clips`; empty without clips."""
    scores: dict[str, dict[str, list[tuple[float, float]]]] = {
        str(level): {m: [] for m in upscalers} for level in levels
    }
    bits: dict[str, list[float]] = {str(level): [] for level in levels if level.crf is not None}
    count = 0
    for truth in clips:
        count += 1
        low = Bicubic(scale)(truth, np.random.default_rng(0))
        for level in levels:
            seen, spent = level.through(low)
            if spent is not None:
                bits[str(level)].append(spent)
            for method, upscale in upscalers.items():
                scores[str(level)][method].append(_score(upscale, seen, truth, scale))
    return (
        {"clips": count, "levels": {name: _means(of, bits.get(name)) for name, of in scores.items()}} if count else {}
    )


def _score(upscale: Upscale, seen: Clip, truth: Clip, scale: int) -> tuple[float, float]:
    """PSNR and SSIM of a clip: means over its scored frames."""
    pictures = [(upscale(seen[index]), luma(truth[index])) for index in SCORED]
    values = [(psnr(*pair, scale), ssim(*pair, scale)) for pair in pictures]
    return float(np.mean([p for p, _ in values])), float(np.mean([s for _, s in values]))


def _means(methods: Mapping[str, list[tuple[float, float]]], bits: list[float] | None) -> dict[str, Any]:
    means = {
        method: dict(zip(("psnr", "ssim"), np.mean(of, axis=0).tolist(), strict=True)) for method, of in methods.items()
    }
    return {"bits per pixel": None if bits is None else float(np.mean(bits)), "methods": means}


def _from_videos(folder: Path | None, scale: int) -> Iterator[Clip]:
    """The middle of each film at half its size."""
    for path in sorted(folder.iterdir()) if folder else []:
        for run in list(islice(read_clips(path, FRAMES, EVERY), RUNS + 1))[-RUNS:]:
            rows, columns = (min(2 * most, side) for most, side in zip(LARGEST, run.shape[1:3], strict=True))
            half = Bicubic(2)(_middle(run, rows, columns), np.random.default_rng(0))
            yield _divisible(half, scale)


def _from_images(folders: Sequence[Path], scale: int) -> Iterator[Clip]:
    """A pan over each image, always the same one."""
    paths = [path for folder in folders for path in sorted(folder.iterdir())]
    for index, path in enumerate(paths):
        clip = clip_from_image(read_rgb(path), FRAMES, np.random.default_rng(index))
        rows, columns = (min(most, side) for most, side in zip(LARGEST, clip.shape[1:3], strict=True))
        yield _divisible(_middle(clip, rows, columns), scale)


def _middle(clip: Clip, rows: int, columns: int) -> Clip:
    top, left = (clip.shape[1] - rows) // 2, (clip.shape[2] - columns) // 2
    return clip[:, top : top + rows, left : left + columns]


def _divisible(clip: Clip, scale: int) -> Clip:
    """Cropped so that the small clip has even sides, as video has."""
    rows, columns = (side // (2 * scale) * 2 * scale for side in clip.shape[1:3])
    return clip[:, :rows, :columns]


def print_tables(result: Mapping[str, Any]) -> None:
    """The figures for reading: PSNR-Y in dB and SSIM-Y, and the gain over Lanczos."""
    for group, found in result["groups"].items():
        print(f"{found['clips']} clips of {group}, x{result['scale']}: PSNR-Y, gain over lanczos, SSIM-Y")
        for level, row in found["levels"].items():
            rate = "" if row["bits per pixel"] is None else f" ({row['bits per pixel']:.3f} bits a pixel)"
            print(f"  {level}{rate}")
            base = row["methods"]["lanczos"]["psnr"]
            for method, score in row["methods"].items():
                print(f"    {method:<24}{score['psnr']:7.2f}{score['psnr'] - base:+7.2f}{score['ssim']:8.4f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=Path, help="folder of video files")
    parser.add_argument("--images", type=Path, nargs="+", default=[], help="folders of images")
    parser.add_argument(
        "--model", action="append", help="beside bicubic and lanczos: of the zoo, .onnx or .safetensors"
    )
    parser.add_argument("--scale", type=int, help="needed where no model tells it")
    parser.add_argument("--codec", choices=list(ENCODERS), default="libx264")
    parser.add_argument("--crf", type=float, nargs="+", default=[23, 26, 29, 32], help="in the codec's own scale")
    parser.add_argument("--name", default="compressed")
    options = parser.parse_args()
    if options.videos is None and not options.images:
        parser.error("name a folder with --videos or --images")
    return options


if __name__ == "__main__":
    main()
