"""What every source promises, whatever it reads from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice, pairwise
from pathlib import Path

import pytest

from streamsr.frame import Source, VideoInfo
from streamsr.media.images import ImageSequence, image_files
from streamsr.media.source import FileSource
from streamsr.prefetch import prefetch
from tests.clips import LOSSLESS, make_clip

FRAMES = 24


def video_file(folder: Path) -> Source:
    make_clip(folder / "clip.mkv", **LOSSLESS, frames=FRAMES)
    return FileSource(folder / "clip.mkv")


def threaded_file(folder: Path) -> Source:
    make_clip(folder / "clip.mp4", codec="libx264", frames=FRAMES, audio=1)
    return FileSource(folder / "clip.mp4")


def image_folder(folder: Path) -> Source:
    for index in range(FRAMES):
        make_clip(folder / f"{index}.png", codec="png", pix_fmt="rgb24", frames=1, format="image2pipe")
    return ImageSequence(image_files(folder))


SOURCES: dict[str, Callable[[Path], Source]] = {
    "ffv1": video_file,
    "h264": threaded_file,
    "images": image_folder,
}


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    with closing(SOURCES[request.param](tmp_path)) as source:
        yield source


def test_info_is_known_before_the_first_frame(source: Source) -> None:
    info = source.info
    assert isinstance(info, VideoInfo)
    assert (info.width, info.height, info.frames) == (64, 48, FRAMES)


def test_frames_are_what_info_says_and_in_order(source: Source) -> None:
    frames, info = list(source), source.info
    assert len(frames) == FRAMES
    for frame in frames:
        assert (frame.width, frame.height, frame.layout) == (info.width, info.height, info.layout)
        assert (frame.time_base, frame.color) == (info.time_base, info.color)
    assert all(later.pts > earlier.pts for earlier, later in pairwise(frames))
    assert [frame.cut for frame in frames] == [True] + [False] * (FRAMES - 1)
    assert source.skipped == 0


def test_frames_stay_valid_after_close(source: Source) -> None:
    frames = list(islice(source, 3))
    before = [plane.copy() for frame in frames for plane in frame.planes]
    source.close()
    after = [plane for frame in frames for plane in frame.planes]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


def test_close_is_idempotent_and_ends_the_iteration(source: Source) -> None:
    frames = iter(source)
    next(frames)
    source.close()
    source.close()
    assert len(list(frames)) < FRAMES


def test_close_from_another_thread(source: Source) -> None:
    with closing(prefetch(source, depth=2)) as ahead:
        next(iter(ahead))
        closer = threading.Thread(target=source.close)
        closer.start()
        closer.join(timeout=10)
        assert not closer.is_alive()
        assert len(list(ahead)) < FRAMES
