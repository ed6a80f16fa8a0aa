"""Resident memory after one and after ten minutes of video: `python -m benchmarks.memory CLIP [--minutes 10]`.

With `--style NAME` the video is painted and smoothed instead of enlarged.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import av

from streamsr.chain import Chain
from streamsr.look import StyleOptions
from streamsr.media.create import create_sink
from streamsr.media.open import open_source
from streamsr.pipeline import Pipeline, Progress
from streamsr.zoo.catalog import STYLIZER

from .common import resident_memory, save
from .stages import ENCODING, MODEL


def loop(clip: str, seconds: int, target: Path) -> None:
    """Write the clip's packets over and over, unchanged but for their times, until `seconds` are full."""
    with av.open(str(target), "w") as out:
        copies = None
        offset = 0.0
        while offset < seconds:
            with av.open(clip) as source:
                copies = copies or {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
                for packet in source.demux():
                    if packet.size and packet.pts is not None and packet.dts is not None and packet.time_base:
                        shift = round(offset / packet.time_base)
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = copies[packet.stream.index]
                        out.mux(packet)
                offset += (source.duration or av.time_base) / av.time_base + 0.1  # the next begins a little before zero


def main() -> None:
    """Run once, look at the memory every minute of video."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip")
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--style", help="one of the stylizer's")
    options = parser.parse_args()
    samples: dict[int, float] = {}
    chain = Chain(STYLIZER, style=StyleOptions(options.style)) if options.style else Chain(MODEL)
    with resident_memory() as read, chain, tempfile.TemporaryDirectory() as folder:

        def look(progress: Progress) -> None:
            minute = int(progress.media_seconds // 60)
            if minute and minute not in samples:
                samples[minute] = read()
                fps = progress.frames / progress.seconds
                print(f"{minute} min: {samples[minute]:.0f} MiB, {fps:.1f} fps", flush=True)

        film = Path(folder) / "film.mkv"
        loop(options.clip, 60 * options.minutes + 2, film)
        sink = create_sink(str(Path(folder) / "out.mkv"), ENCODING)
        report = Pipeline(open_source(film), chain, sink, on_progress=look).run()
    result = {"clip": Path(options.clip).name, "model": chain.name, "frames": report.frames}
    result |= {"resident_mib_by_minute": samples}
    print(save("memory_stylize" if options.style else "memory", result))


if __name__ == "__main__":
    main()
