"""streamsr, by the name of a model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import streamsr
from streamsr.chain import Chain
from streamsr.media.create import create_sink
from streamsr.media.open import open_source
from streamsr.media.read_options import ReadOptions
from streamsr.pipeline import Pipeline, Progress

from ..common import Cost, measure
from ..stages import ENCODING


class Ours:
    """What `streamsr upscale --model NAME` does (`Job`)."""

    def __init__(self, model: str) -> None:
        self._model = model

    def luma(self, clip: str, count: int) -> Iterator[np.ndarray]:
        """See `Job.luma`."""
        with streamsr.frames(clip, model=self._model, frames=count) as video:
            for frame in video:
                yield frame.planes[0]

    def run(self, clip: str, seconds: float) -> Cost:
        """See `Job.run`."""
        with Chain(self._model) as chain, tempfile.TemporaryDirectory() as folder:

            def go(options: ReadOptions | None = None) -> int:
                def look(progress: Progress) -> None:
                    if progress.seconds > seconds:
                        pipeline.stop()

                sink = create_sink(str(Path(folder) / "out.mp4"), ENCODING)
                pipeline = Pipeline(open_source(clip, options), chain, sink, on_progress=look)
                return pipeline.run().frames

            go(ReadOptions(frames=8))  # compiles the engine, which the chain keeps
            return measure(go)
