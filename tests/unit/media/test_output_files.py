"""Files appear whole or not at all, never over another one, whatever happens on the way."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import av
import pytest

from streamsr.errors import EncodeError, OpenError
from streamsr.media.options import WriteOptions
from streamsr.media.output import PendingFile, PendingFolder, refuse_same_file
from streamsr.media.sink import FileSink
from tests.clips import make_clip
from tests.muxes import frames, times, transcode, write


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_has_the_name_before_close(tmp_path: Path) -> None:
    info, made = frames("yuv420p", 3)
    sink = FileSink(tmp_path / "out.mp4")
    sink.open(sink.negotiate(info))
    for frame in made:
        sink.write(frame)
        assert "out.mp4" not in listing(tmp_path)
    (partial,) = listing(tmp_path)
    assert partial.startswith(".out.partial-")
    assert partial.endswith(".mp4")
    sink.close()
    sink.close()
    sink.abort()
    assert listing(tmp_path) == ["out.mp4"]


def test_abort_leaves_nothing(tmp_path: Path) -> None:
    info, made = frames("yuv420p", 3)
    sink = FileSink(tmp_path / "out.mkv")
    sink.open(sink.negotiate(info))
    sink.write(made[0])
    sink.abort()
    sink.abort()
    assert listing(tmp_path) == []
    sink.close()
    assert listing(tmp_path) == []
    with pytest.raises(EncodeError, match="not open"):
        sink.write(made[1])


def test_no_frames_no_file(tmp_path: Path) -> None:
    info, _ = frames("yuv420p", 1)
    sink = FileSink(tmp_path / "out.mkv")
    sink.open(sink.negotiate(info))
    with pytest.raises(EncodeError, match="no frame"):
        sink.close()
    assert listing(tmp_path) == []


def test_an_existing_file_is_replaced_only_on_demand(tmp_path: Path) -> None:
    info, made = frames("yuv420p", 3)
    (tmp_path / "out.mp4").write_text("precious")
    with pytest.raises(OpenError, match="--overwrite"):
        FileSink(tmp_path / "out.mp4").negotiate(info)
    assert (tmp_path / "out.mp4").read_text() == "precious"
    sink = FileSink(tmp_path / "out.mp4", WriteOptions(overwrite=True))
    sink.open(sink.negotiate(info))
    sink.write(made[0])
    assert (tmp_path / "out.mp4").read_text() == "precious", "until the new one is complete"
    sink.close()
    assert len(times(tmp_path / "out.mp4")) == 1


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    info, made = frames("yuv420p", 3)
    sinks = [FileSink(tmp_path / "out.mp4"), FileSink(tmp_path / "out.mp4")]
    for sink in sinks:
        sink.open(sink.negotiate(info))
        sink.write(made[0])
    sinks[0].write(made[1])
    sinks[0].close()
    with pytest.raises(OpenError, match="has appeared") as refused:
        sinks[1].close()
    assert len(times(tmp_path / "out.mp4")) == 2, "the first one won"
    (other,) = [name for name in listing(tmp_path) if name != "out.mp4"]
    assert other in str(refused.value)
    assert len(times(tmp_path / other)) == 1, "and the work of the second one is not lost"


@pytest.mark.parametrize("disguise", ["same", "dots", "symlink", "hard link"])
def test_the_input_is_never_its_own_output(tmp_path: Path, disguise: str) -> None:
    make_clip(tmp_path / "in.mp4")
    before = (tmp_path / "in.mp4").read_bytes()
    target = tmp_path / ("in.mp4" if disguise == "same" else "alias.mp4")
    if disguise == "dots":
        (tmp_path / "sub").mkdir()
        target = tmp_path / "sub" / ".." / "in.mp4"
    elif disguise == "symlink":
        target.symlink_to("in.mp4")
    elif disguise == "hard link":
        target.hardlink_to(tmp_path / "in.mp4")
    with pytest.raises(OpenError, match="the input itself"):
        transcode(tmp_path / "in.mp4", target, overwrite=True)
    with pytest.raises(OpenError, match="the input itself"):
        refuse_same_file(tmp_path / "in.mp4", target)
    assert (tmp_path / "in.mp4").read_bytes() == before


def test_a_link_is_followed_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out.mp4").symlink_to(tmp_path / "disk" / "real.mp4")
    info, made = frames("yuv420p", 2)
    write(FileSink(tmp_path / "out.mp4"), info, made)
    assert (tmp_path / "out.mp4").is_symlink()
    assert listing(tmp_path / "disk") == ["real.mp4"]


@pytest.mark.parametrize(
    ("target", "needle"),
    [("nowhere/out.mp4", "no folder"), ("folder.mp4", "is a folder"), ("/proc/out.mp4", "cannot write into /proc")],
)
def test_places_where_nothing_can_be_written(tmp_path: Path, target: str, needle: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    info, _ = frames("yuv420p", 1)
    sink = FileSink(tmp_path / target)
    with pytest.raises(OpenError, match=needle):
        sink.open(sink.negotiate(info))


def test_long_and_strange_names(tmp_path: Path) -> None:
    info, made = frames("yuv420p", 1)
    for name in ("ä" * 120 + ".mp4", "a:b %05.mp4", "-x.mkv", "new\nline.mp4"):
        write(FileSink(tmp_path / name), info, made)
        assert name in listing(tmp_path)


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    pending = PendingFile(tmp_path / "a.txt")
    pending.path.write_text("new")
    late = PendingFile(tmp_path / "a.txt")
    pending.publish()
    assert (tmp_path / "a.txt").read_text() == "new"
    with pytest.raises(OpenError, match="has appeared"):
        late.publish()


def test_a_folder_is_filled_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b").write_text("old")
    pending = PendingFolder(tmp_path / "out")
    for name in "ab":
        (pending.path / name).write_text("new")
    assert listing(tmp_path / "out") == ["b"]
    with pytest.raises(OpenError, match="has appeared"):
        pending.publish()
    assert (tmp_path / "out" / "b").read_text() == "old"
    other = PendingFolder(tmp_path / "fresh")
    (other.path / "a").write_text("new")
    other.publish()
    other.discard()
    assert listing(tmp_path / "fresh") == ["a"]


RUN = """
    import sys, time
    from pathlib import Path
    from streamsr.media.options import WriteOptions
    from streamsr.media.sink import FileSink
    from tests.muxes import frames
    info, made = frames("yuv420p", 40, width=320, height=240)
    prompt = WriteOptions(preset="ultrafast", codec_options={"x264-params": "rc-lookahead=0"})
    sink = FileSink(Path(sys.argv[1]), prompt)
    sink.open(sink.negotiate(info))
    for number, frame in enumerate(made):
        sink.write(frame)
        if number == 20:
            print("ready", flush=True)
            time.sleep(60)
"""


def test_a_killed_run_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    target = tmp_path / "out.mkv"
    code = textwrap.dedent(RUN)
    command = [sys.executable, "-c", code, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        run.send_signal(signal.SIGKILL)
    (left,) = listing(tmp_path)
    assert left.startswith(".out.partial-")
    info, made = frames("yuv420p", 2)
    write(FileSink(target), info, made)
    assert len(times(target)) == 2, "and the next run is not disturbed"


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_full_disk(tmp_path: Path, suffix: str) -> None:
    info, made = frames("yuv420p", 30, width=320, height=240)
    sink = FileSink(tmp_path / f"out.{suffix}", WriteOptions(preset="ultrafast", crf=0))
    sink.open(sink.negotiate(info))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(EncodeError, match=rf"cannot write {tmp_path}/out.{suffix}: "):
            for frame in made:
                sink.write(frame)
            sink.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    sink.abort()
    assert listing(tmp_path) == []


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov"])
def test_an_interrupted_run_leaves_a_playable_file(tmp_path: Path, suffix: str) -> None:
    info, made = frames("yuv420p", 30)
    sink = FileSink(tmp_path / f"out.{suffix}")
    sink.open(sink.negotiate(info))
    for frame in made[:11]:
        sink.write(frame)
    sink.close(truncate=True)
    assert len(times(tmp_path / f"out.{suffix}")) == 11
    with av.open(str(tmp_path / f"out.{suffix}")) as out:
        assert out.duration == 440_000
