"""One stage, or all of them, in a process of its own: `python -m benchmarks.stages STAGE CLIP [MODEL]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from streamsr.chain import Chain, stream_format
from streamsr.frame import Frame, VideoInfo
from streamsr.infer import Inference
from streamsr.media.create import create_sink
from streamsr.media.open import open_source
from streamsr.media.options import WriteOptions
from streamsr.media.read_options import ReadOptions
from streamsr.pipeline import Pipeline

from .common import Cost, measure, print_cost

ENCODING = WriteOptions(codec="libx264", crf=20, preset="veryfast", overwrite=True)
MODEL = "live-x2.int8"


def decode(clip: str, _: str = MODEL) -> Cost:
    """Read every frame, do nothing with it."""
    with closing(open_source(clip)) as source:
        return measure(lambda: sum(1 for _ in source))


def engine(clip: str, model: str = MODEL) -> Cost:
    """Every frame, decoded beforehand, through the engine."""
    source, frames = _decoded(clip)
    with Chain(model) as chain:
        target = stream_format(chain.output_info(source))
        with chain.engine(stream_format(source), target, frames[:2]) as runner:
            inference = Inference(runner, target)
            list(inference(frames[:8]))
            return measure(lambda: sum(1 for _ in inference(frames)))


def encode(clip: str, model: str = MODEL) -> Cost:
    """Every upscaled frame, computed beforehand, through the encoder and the muxer."""
    source, frames = _decoded(clip)
    with Chain(model) as chain:
        target = chain.output_info(source)
        with chain.engine(stream_format(source), stream_format(target), frames[:2]) as runner:
            upscaled = list(Inference(runner, stream_format(target))(frames))
    with tempfile.TemporaryDirectory() as folder:
        sink = create_sink(str(Path(folder) / "out.mp4"), ENCODING)
        sink.open(sink.negotiate(target))

        def run() -> int:
            for frame in upscaled:
                sink.write(frame)
            sink.close()
            return len(upscaled)

        return measure(run)


def pipeline(clip: str, model: str = MODEL) -> Cost:
    """The whole thing, with the engine compiled beforehand as in the other measurements."""
    with Chain(model) as chain, tempfile.TemporaryDirectory() as folder:

        def run(options: ReadOptions | None = None) -> int:
            sink = create_sink(str(Path(folder) / "out.mp4"), ENCODING)
            return Pipeline(open_source(clip, options), chain, sink).run().frames

        run(ReadOptions(frames=8))  # compiles the engine, which the chain keeps
        return measure(run)


STAGES: dict[str, Callable[..., Cost]] = {"decode": decode, "engine": engine, "encode": encode, "pipeline": pipeline}


def _decoded(clip: str, limit: int | None = None) -> tuple[VideoInfo, list[Frame]]:
    with closing(open_source(clip)) as source:
        frames = []
        for frame in source:
            frames.append(frame)
            if limit is not None and len(frames) == limit:
                break
        return source.info, frames


if __name__ == "__main__":
    print_cost(STAGES[sys.argv[1]](*sys.argv[2:]))
