"""A run ends well, whatever happens: order, reuse, failures, and what is left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamsr.assembly import EngineOptions
from streamsr.chain import Chain
from streamsr.errors import DecodeError
from streamsr.media.create import create_sink
from streamsr.media.options import WriteOptions
from streamsr.pipeline import Pipeline, Progress
from tests.synthetic import Boom, EndlessSource, FailingEngine, ListSink


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    with Chain("live-x2", options=EngineOptions(precision="fp32", cache=False)) as chain:
        yield chain


def test_every_frame_arrives_once_and_in_order(chain: Chain) -> None:
    source, sink = EndlessSource(frames=60), ListSink()
    seen: list[Progress] = []
    report = Pipeline(source, chain, sink, on_progress=seen.append).run()
    assert [frame.pts for frame in sink.frames] == list(range(60))
    assert all((frame.width, frame.height, frame.duration) == (128, 96, 1) for frame in sink.frames)
    assert sink.closed
    assert source.closed.is_set()
    assert (report.frames, report.duplicates, report.skipped, report.interrupted) == (60, 0, 0, False)
    assert [progress.frames for progress in seen] == list(range(1, 61))
    assert seen[-1].media_seconds == 60 * source.info.time_base
    assert report.backend == "openvino"
    assert report.precision == "fp32"
    assert set(report.stages) == {"decode", "infer", "encode", "process"}
    assert 0 < report.startup_seconds < report.seconds


def test_the_same_frame_alone_and_in_a_stream_gives_the_same_planes(chain: Chain) -> None:
    streamed, alone = ListSink(), ListSink()
    Pipeline(EndlessSource(frames=8), chain, streamed).run()
    Pipeline(EndlessSource(frames=1), chain, alone).run()
    for a, b in zip(streamed.frames[0].planes, alone.frames[0].planes, strict=True):
        np.testing.assert_array_equal(a, b)


def test_repeated_pictures_are_computed_once(chain: Chain) -> None:
    held, plain = ListSink(), ListSink()
    report = Pipeline(EndlessSource(frames=30, held=3), chain, held).run()
    Pipeline(EndlessSource(frames=10), chain, plain).run()
    assert report.duplicates == 20
    assert [frame.pts for frame in held.frames] == list(range(30))
    for index, frame in enumerate(held.frames):
        np.testing.assert_array_equal(frame.planes[0], plain.frames[index // 3].planes[0])


class TestFailures:
    """At frame 10 of 1,000: the original error, within a second, no thread and no file left."""

    @pytest.fixture(autouse=True)
    def nothing_left(self, tmp_path: Path) -> Iterator[None]:
        threads = threading.active_count()
        yield
        assert threading.active_count() == threads
        assert list(tmp_path.iterdir()) == []

    def run(self, tmp_path: Path, source: EndlessSource, chain: Any, sink: Any = None) -> None:
        sink = sink or create_sink(str(tmp_path / "out.mp4"), WriteOptions())
        started = time.monotonic()
        with pytest.raises(Boom) as caught:
            Pipeline(source, chain, sink).run()
        assert time.monotonic() - started < 1
        assert type(caught.value) is Boom
        assert source.closed.is_set()
        assert source.produced < 40

    def test_in_the_source(self, tmp_path: Path, chain: Chain) -> None:
        self.run(tmp_path, EndlessSource(fail_at=10), chain)

    @pytest.mark.parametrize("on", ["submit", "result"])
    def test_in_the_engine(self, tmp_path: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch, on: str) -> None:
        lend = chain.engine

        @contextmanager
        def failing(*arguments: Any, **options: Any) -> Iterator[FailingEngine]:
            with lend(*arguments, **options) as engine:
                yield FailingEngine(engine, 10, on=on)

        monkeypatch.setattr(chain, "engine", failing)
        self.run(tmp_path, EndlessSource(), chain)

    def test_in_the_sink(self, tmp_path: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
        sink = create_sink(str(tmp_path / "out.mp4"), WriteOptions())
        write, count = sink.write, iter(range(1000))

        def failing(frame: Any) -> None:
            if next(count) == 10:
                raise Boom("sink")
            write(frame)

        monkeypatch.setattr(sink, "write", failing)
        self.run(tmp_path, EndlessSource(), chain, sink)

    def test_in_the_callback(self, tmp_path: Path, chain: Chain) -> None:
        def show(progress: Progress) -> None:
            if progress.frames == 10:
                raise Boom("callback")

        sink = create_sink(str(tmp_path / "out.mp4"), WriteOptions())
        with pytest.raises(Boom, match="callback"):
            Pipeline(EndlessSource(), chain, sink, on_progress=show).run()

    def test_before_the_first_frame(self, tmp_path: Path, chain: Chain) -> None:
        self.run(tmp_path, EndlessSource(fail_at=0), chain)

    def test_no_frame_at_all(self, tmp_path: Path, chain: Chain) -> None:
        sink = create_sink(str(tmp_path / "out.mp4"), WriteOptions())
        with pytest.raises(DecodeError, match="no frame"):
            Pipeline(EndlessSource(frames=0), chain, sink).run()


def test_stop_finishes_the_output(chain: Chain) -> None:
    source, sink = EndlessSource(), ListSink()

    def show(progress: Progress) -> None:
        if progress.frames == 20:
            pipeline.stop()

    pipeline = Pipeline(source, chain, sink, on_progress=show)
    report = pipeline.run()
    assert report.interrupted
    assert report.frames == len(sink.frames) == 20
    assert sink.closed
    assert source.produced < 60
