"""What every sink promises, whatever it writes to."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from streamsr.errors import OpenError, UnknownNameError
from streamsr.frame import Frame, Sink
from streamsr.layout import LAYOUTS
from streamsr.media.create import SINKS, create_sink, sink_kind
from streamsr.media.options import WriteOptions
from tests.clips import picture
from tests.muxes import frames

ONE_FILE = ("mp4", "m4v", "mov", "mkv", "webm", "png", "jpg", "jpeg", "webp", "tif", "tiff", "y4m")
STILL = ("png", "jpg", "jpeg", "webp", "tif", "tiff")
MANY = {"folder": "out/", "pattern": "out_%03d.png"}


def spec_of(kind: str, folder: Path) -> str:
    return f"{folder}/{MANY.get(kind, f'out.{kind}')}"


def everything(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def feed(sink: Sink, kind: str, count: int) -> None:
    info, made = frames("yuv420p", 1 if kind in STILL else count, still=kind in STILL)
    target = sink.negotiate(info)
    assert (target.width, target.height, target.time_base) == (info.width, info.height, info.time_base)
    assert target.layout.name in LAYOUTS
    sink.open(target)
    for number, frame in enumerate(made):
        planes = picture(number, info.width, info.height, target.layout)
        sink.write(Frame(planes, target.layout, frame.pts, frame.time_base, frame.duration, target.color))


def test_all_registered_sinks_are_tested() -> None:
    assert set(SINKS) == {*ONE_FILE, *MANY, "-"}


@pytest.mark.parametrize("kind", [*ONE_FILE, *MANY])
class TestEverySink:
    def test_publishes_on_close_and_not_before(self, kind: str, tmp_path: Path) -> None:
        sink = create_sink(spec_of(kind, tmp_path))
        feed(sink, kind, 3)
        assert all(path.name.startswith(".") or path.parent.name.startswith(".") for path in everything(tmp_path))
        sink.close()
        sink.close()
        sink.abort()
        left = everything(tmp_path)
        assert not [path for path in left if path.name.startswith(".")]
        assert len(left) == (3 if kind in MANY else 1)
        for path in left:
            with av.open(str(path)) as back:
                assert len(list(back.decode(video=0))) == (1 if kind in MANY or kind in STILL else 3)

    def test_abort_removes_everything(self, kind: str, tmp_path: Path) -> None:
        sink = create_sink(spec_of(kind, tmp_path))
        sink.abort()
        feed(sink, kind, 3)
        sink.abort()
        sink.abort()
        sink.close()
        assert list(tmp_path.iterdir()) == []

    def test_truncated_close(self, kind: str, tmp_path: Path) -> None:
        sink = create_sink(spec_of(kind, tmp_path))
        feed(sink, kind, 2)
        sink.close(truncate=True)
        assert everything(tmp_path)

    def test_touches_nothing_before_open(self, kind: str, tmp_path: Path) -> None:
        sink = create_sink(spec_of(kind, tmp_path))
        sink.negotiate(frames("yuv420p", 1)[0])
        assert list(tmp_path.iterdir()) == []

    def test_does_not_overwrite_unasked(self, kind: str, tmp_path: Path) -> None:
        first = create_sink(spec_of(kind, tmp_path))
        feed(first, kind, 1)
        first.close()
        with pytest.raises(OpenError, match="--overwrite"):
            create_sink(spec_of(kind, tmp_path)).negotiate(frames("yuv420p", 1)[0])
        again = create_sink(spec_of(kind, tmp_path), WriteOptions(overwrite=True))
        feed(again, kind, 1)
        again.close()
        assert len(everything(tmp_path)) == 1

    def test_negotiating_twice_changes_nothing(self, kind: str, tmp_path: Path) -> None:
        sink = create_sink(spec_of(kind, tmp_path))
        for layout in ("yuv420p", "yuva444p10", "rgb48", "gray", "p010"):
            once = sink.negotiate(frames(layout, 1)[0])
            assert sink.negotiate(once) == once


def test_kinds(tmp_path: Path) -> None:
    assert sink_kind("-") == "-"
    assert sink_kind("a/b.MP4") == "mp4"
    assert sink_kind("shots_%05d.png") == "pattern"
    assert sink_kind("shots/") == sink_kind(str(tmp_path)) == sink_kind("shots") == "folder"
    with pytest.raises(
        UnknownNameError, match=r"no output format named 'mkw'; did you mean 'mkv'\? \(there are: jpeg, .*y4m"
    ):
        create_sink("film.mkw")
    with pytest.raises(UnknownNameError) as caught:
        create_sink("film.gif")
    assert not {"folder", "pattern", "-"} & set(str(caught.value).strip("()").replace(",", "").split())
