"""Upscale a video: python examples/upscale_file.py in.mp4 out.mp4"""

import sys

import streamsr


def main(source: str, target: str) -> None:
    report = streamsr.upscale(
        source,
        target,
        model="stream-x2",
        crf=18,
        overwrite=True,
        on_progress=lambda progress: print(f"\r{progress.frames} frames", end="", file=sys.stderr),
    )
    print(f"\n{report.frames} frames at {report.fps:.1f} fps with {report.backend} {report.precision}")


if __name__ == "__main__":
    main(*sys.argv[1:])
