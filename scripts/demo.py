"""Upscale a clip and show what it did: the clip of demo_clip.py, whose true frames are known, or the user's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

import demo_clip
import streamsr
from streamsr.cli.console import progress_line, show_notes
from streamsr.errors import StreamsrError
from streamsr.media.open import open_source

OUT = Path("demo")
CROP = (150, 110)  # width and height of the part of the input that the picture shows
ZOOM = 4
LAST_FRAME = 40  # of a clip that is not ours, the picture shows this frame


def main() -> None:
    """Run the demo and print where its results are."""
    show_notes()
    OUT.mkdir(exist_ok=True)
    if len(sys.argv) > 1:
        clip = Path(sys.argv[1])
    else:
        clip = OUT / "clip.mp4"
        demo_clip.write_clip(clip)
    result = OUT / f"{clip.stem}-x2{clip.suffix}"
    with progress_line(clip.name) as on_progress:
        report = streamsr.upscale(clip, result, on_progress=on_progress, crf=14, overwrite=True)
    print(f"{clip} -> {result}: {report.frames} frames, {report.fps:.1f} fps on {report.backend} {report.precision}")
    scores = measure(clip, result) if len(sys.argv) == 1 else None
    picture = OUT / f"{clip.stem}-comparison.png"
    save_comparison(clip, result, picture, scores)
    print(f"side by side: {picture}")


def luma(path: Path) -> Iterator[np.ndarray]:
    """The luma planes of a video, as stored."""
    source = open_source(str(path))
    try:
        for frame in source:
            yield frame.planes[0]
    finally:
        source.close()


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two 8-bit pictures, in dB."""
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return float(10 * np.log10(255**2 / error))


def bicubic(picture: np.ndarray) -> np.ndarray:
    """Twice the size, by interpolation."""
    return cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)


def measure(clip: Path, result: Path) -> tuple[float, float]:
    """Mean PSNR of the luma against the true frames: bicubic, streamsr. Both start from the compressed clip."""
    triples = zip(demo_clip.true_luma(), luma(clip), luma(result), strict=True)
    scores = np.array([(psnr(truth, bicubic(small)), psnr(truth, large)) for truth, small, large in triples])
    plain, ours = (float(score) for score in scores.mean(axis=0))
    print(f"PSNR of the luma, mean of {len(scores)} frames: bicubic {plain:.2f} dB, streamsr {ours:.2f} dB")
    return plain, ours


def save_comparison(clip: Path, result: Path, path: Path, scores: tuple[float, float] | None) -> None:
    """The same part of one frame three times: as it was, by bicubic interpolation, by streamsr."""
    index, *corner = demo_clip.SHOWPIECE if scores else (LAST_FRAME,)
    before, after = (list(islice(_rgb(file), index + 1))[-1] for file in (clip, result))
    crop_width, crop_height = min(CROP[0], before.shape[1]), min(CROP[1], before.shape[0])
    top, left = corner or _busiest(before, crop_width, crop_height)
    window = (slice(top, top + crop_height), slice(left, left + crop_width))
    doubled = (slice(2 * top, 2 * (top + crop_height)), slice(2 * left, 2 * (left + crop_width)))
    labels = ["input", "bicubic", "streamsr"]
    if scores:
        labels[1:] = [f"bicubic {scores[0]:.2f} dB", f"streamsr {scores[1]:.2f} dB"]
    parts = [before[window], bicubic(before)[doubled], after[doubled]]
    panels = [
        _panel(part, (crop_width * ZOOM, crop_height * ZOOM), label) for part, label in zip(parts, labels, strict=True)
    ]
    cv2.imwrite(str(path), cv2.cvtColor(np.hstack(panels), cv2.COLOR_RGB2BGR))


def _rgb(path: Path) -> Iterator[np.ndarray]:
    """Frames as RGB pictures, converted by FFmpeg."""
    import av

    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def _busiest(picture: np.ndarray, width: int, height: int) -> tuple[int, int]:
    """Top left corner of the window with most fine detail: there the methods differ."""
    detail = np.abs(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_32F))
    sums = cv2.boxFilter(detail, -1, (width, height), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    inside = sums[: picture.shape[0] - height + 1, : picture.shape[1] - width + 1]
    top, left = np.unravel_index(np.argmax(inside), inside.shape)
    return int(top), int(left)


def _panel(part: np.ndarray, size: tuple[int, int], label: str) -> np.ndarray:
    """The part enlarged without smoothing, its name above it."""
    panel = cv2.resize(part, size, interpolation=cv2.INTER_NEAREST)
    panel = cv2.copyMakeBorder(panel, 36, 4, 4, 4, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    return cv2.putText(panel, label, (8, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (20, 20, 20), 1, cv2.LINE_AA)


if __name__ == "__main__":
    try:
        main()
    except StreamsrError as error:
        sys.exit(f"error: {error}")
