"""The part every run shares: decode and infer, each in a thread of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Self

from .chain import Chain, stream_format
from .cpu import thread_stage
from .errors import DecodeError
from .frame import Frame, Source, VideoInfo
from .infer import Inference
from .prefetch import prefetch
from .report import Stopwatch

QUEUE_FRAMES = 4
PROBE_FRAMES = 2
"""Real frames a freshly compiled engine is checked with."""


class Processing:
    """Iterate over the frames of `source` after the chain. `close` stops the threads; the source stays open."""

    def __init__(self, source: Source, chain: Chain, target: VideoInfo) -> None:
        """Decode the first frames and compile the engine.

        Raises:
            DecodeError: there is no frame at all.
            EngineError: no engine could be built.
        """
        self.decoding = Stopwatch()
        with ExitStack() as stack:
            decoded = stack.enter_context(closing(prefetch(self._decode(source), QUEUE_FRAMES, "decode")))
            head = list(itertools.islice(decoded, PROBE_FRAMES))
            if not head:
                raise DecodeError("there is no frame in the selected part; check --start and --end")
            source_format, target_format, still = stream_format(source.info), stream_format(target), source.info.still
            with thread_stage("infer"):
                self.engine = stack.enter_context(chain.engine(source_format, target_format, head, still=still))
            self.inference = Inference(self.engine, target_format, chain.looks, target.device)
            frames = self._infer(itertools.chain(head, decoded))
            self._results = stack.enter_context(closing(prefetch(frames, QUEUE_FRAMES, "infer")))
            self._stack = stack.pop_all()

    def __iter__(self) -> Iterator[Frame]:
        return self._results

    def close(self) -> None:
        """Stop and join both threads. Idempotent."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _decode(self, source: Source) -> Iterator[Frame]:
        with thread_stage("decode"):
            yield from self.decoding.around(source)

    def _infer(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        with thread_stage("infer"):
            yield from self.inference(frames)
