"""Sources, sinks and engines that fail on purpose, for testing that a run ends well."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from streamsr.frame import Frame, VideoInfo
from streamsr.layout import pixel_layout


class Boom(Exception):
    """The failure that must come out unchanged."""


class EndlessSource:
    """A thousand different frames, made on demand; fails at frame `fail_at`."""

    skipped = 0

    def __init__(self, fail_at: int | None = None, frames: int = 1000, held: int = 1) -> None:
        self.info = VideoInfo(64, 48, pixel_layout("yuv420p"), Fraction(1, 25), frame_rate=Fraction(25), frames=frames)
        self.produced = 0
        self.closed = threading.Event()
        self._fail_at = fail_at
        self._frames = frames
        self._held = held

    def __iter__(self) -> Iterator[Frame]:
        layout = self.info.layout
        for index in range(self._frames):
            if index == self._fail_at:
                raise Boom("source")
            rng = np.random.default_rng(index // self._held)
            planes = tuple(rng.integers(60, 180, shape, np.uint8) for shape in layout.plane_shapes(64, 48))
            self.produced += 1
            yield Frame(planes, layout, index, self.info.time_base, 1, cut=index == 0)

    def close(self) -> None:
        self.closed.set()


class ListSink:
    """Keeps every frame; fails at frame `fail_at`."""

    skipped = 0

    def __init__(self, fail_at: int | None = None) -> None:
        self.frames: list[Frame] = []
        self.info: VideoInfo | None = None
        self.closed = self.aborted = False
        self._fail_at = fail_at

    def negotiate(self, info: VideoInfo) -> VideoInfo:
        return info

    def open(self, info: VideoInfo) -> None:
        self.info = info

    def write(self, frame: Frame) -> None:
        if len(self.frames) == self._fail_at:
            raise Boom("sink")
        self.frames.append(frame)

    def close(self, *, truncate: bool = False) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = not self.closed


class FailingEngine:
    """A real engine that fails at its `fail_at`-th frame, while it starts or while it finishes it."""

    def __init__(self, engine: Any, fail_at: int, *, on: str) -> None:
        self.spec = engine.spec
        self._engine = engine
        self._fail_at = fail_at
        self._on = on
        self._count = {"submit": 0, "result": 0}

    def _step(self, what: str) -> None:
        count = self._count[what]
        self._count[what] += 1
        if what == self._on and count == self._fail_at:
            raise Boom("engine")

    def submit(self, inputs: Any) -> Any:
        self._step("submit")
        return self._engine.submit(inputs)

    def result(self, ticket: Any) -> Any:
        planes = self._engine.result(ticket)
        self._step("result")
        return planes

    def reset(self) -> None:
        self._engine.reset()

    def close(self) -> None:
        self._engine.close()
