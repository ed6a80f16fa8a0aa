"""Resident memory after one and after ten minutes of video: `python -m benchmarks.memory CLIP [--minutes 10]`."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from streamsr.chain import Chain
from streamsr.frame import Frame, VideoInfo
from streamsr.media.create import create_sink
from streamsr.media.open import open_source
from streamsr.pipeline import Pipeline, Progress

from .common import resident_memory, save
from .stages import ENCODING, MODEL


class Looped:
    """A source that plays a clip over and over, until a total time is reached."""

    skipped = 0

    def __init__(self, clip: str, seconds: int) -> None:
        self._clip = clip
        self._seconds = seconds
        with closing(open_source(clip)) as source:
            self.info: VideoInfo = replace(source.info, container=None, frames=None, duration=Fraction(seconds))

    def __iter__(self) -> Iterator[Frame]:
        offset = 0
        while True:
            end = 0
            with closing(open_source(self._clip)) as source:
                for frame in source:
                    shifted = replace(frame, pts=frame.pts + offset, cut=False)
                    if shifted.time >= self._seconds:
                        return
                    end = shifted.pts + (frame.duration or 1)
                    yield shifted
            offset = end

    def close(self) -> None:
        """Nothing is held between frames."""


def main() -> None:
    """Run once, look at the memory every minute of video."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip")
    parser.add_argument("--minutes", type=int, default=10)
    options = parser.parse_args()
    samples: dict[int, float] = {}
    with resident_memory() as read, Chain(MODEL) as chain, tempfile.TemporaryDirectory() as folder:

        def look(progress: Progress) -> None:
            minute = int(progress.media_seconds // 60)
            if minute and minute not in samples:
                samples[minute] = read()
                print(
                    f"{minute} min: {samples[minute]:.0f} MiB, {progress.frames / progress.seconds:.1f} fps", flush=True
                )

        source = Looped(options.clip, 60 * options.minutes + 1)
        sink = create_sink(str(Path(folder) / "out.mp4"), ENCODING)
        report = Pipeline(source, chain, sink, on_progress=look).run()
    result = {
        "clip": Path(options.clip).name,
        "resident_mib_by_minute": samples,
        "frames": report.frames,
        "fps": report.fps,
    }
    print(save("memory", result))


if __name__ == "__main__":
    main()
