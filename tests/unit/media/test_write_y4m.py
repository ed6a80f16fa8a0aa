"""y4m: what FFmpeg reads back from a file or a pipe is what was written."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from streamsr.errors import OpenError, UnsupportedFormatError
from streamsr.layout import LAYOUTS
from streamsr.media.create import create_sink
from streamsr.media.options import WriteOptions
from tests.muxes import BT709, decoded, frames, info_of, planes_of, times, write

ROOT = Path(__file__).parents[3]
NAMES = "yuv420p yuv422p yuv444p yuv411p gray yuv420p10 yuv422p12 yuv444p14 yuv420p16 gray10 gray16"


@pytest.mark.parametrize("name", NAMES.split())
def test_files_are_exact(tmp_path: Path, name: str) -> None:
    info, made = frames(name, 3, width=71, height=53, sar=Fraction(4, 3), frame_rate=Fraction(30000, 1001))
    info, made = frames(
        name, 3, width=71, height=53, sar=Fraction(4, 3), time_base=Fraction(1001, 30000), frame_rate=info.frame_rate
    )
    target = write(create_sink(tmp_path / "a.y4m"), info, made)
    assert target.layout == info.layout
    back = list(decoded(tmp_path / "a.y4m"))
    assert len(back) == 3
    for frame, original in zip(back, made, strict=True):
        assert frame.format.name == info.layout.name
        for plane, expected in zip(planes_of(frame), original.planes, strict=True):
            np.testing.assert_array_equal(plane, expected)
    assert times(tmp_path / "a.y4m") == [n * Fraction(1001, 30000) for n in range(3)]
    assert info_of(tmp_path / "a.y4m").sar == Fraction(4, 3)


@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
@pytest.mark.parametrize("range_", ["tv", "pc"])
def test_siting_and_range(tmp_path: Path, siting: str, range_: str) -> None:
    from dataclasses import replace

    info, made = frames("yuv420p", 1, color=replace(BT709, siting=siting, range=range_))
    write(create_sink(tmp_path / "a.y4m"), info, made)
    color = info_of(tmp_path / "a.y4m").color
    assert color.range == range_
    header = (tmp_path / "a.y4m").read_bytes().split(b"\n")[0].decode()
    assert {"left": "C420mpeg2", "center": "C420jpeg", "topleft": "C420paldv"}[siting] in header


def test_every_layout_has_a_nearest_one(tmp_path: Path) -> None:
    for name, layout in LAYOUTS.items():
        target = create_sink(tmp_path / "a.y4m").negotiate(frames(name, 1)[0])
        assert target.layout.depth == layout.depth
        assert not target.layout.alpha
    with pytest.raises(UnsupportedFormatError, match="planar"):
        create_sink(tmp_path / "a.y4m", WriteOptions(pix_fmt="nv12")).negotiate(frames("nv12", 1)[0])


def test_irregular_timing_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    info, made = frames("yuv420p", pts=[0, 1, 5, 6, 20, 21])
    write(create_sink(tmp_path / "a.y4m"), info, made)
    assert sum("constant frame rate" in record.getMessage() for record in caplog.records) == 1


def test_raw_video_is_not_written_onto_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    info, _ = frames("yuv420p", 1)
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "w") as screen, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", screen)
        with pytest.raises(OpenError, match="terminal"):
            create_sink("-").negotiate(info)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        with pytest.raises(OpenError, match="closed"):
            create_sink("-").negotiate(info)


RUN = """
    from streamsr.media.create import create_sink
    from tests.muxes import frames
    info, made = frames("yuv420p", {frames}, width=320, height=240)
    sink = create_sink("-")
    sink.open(sink.negotiate(info))
    try:
        for frame in made:
            sink.write(frame)
        sink.close()
    except BrokenPipeError:
        sink.abort()
        raise SystemExit(3)
"""


def test_stdout_holds_the_stream_and_nothing_else(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(RUN.format(frames=5))], capture_output=True, cwd=ROOT, check=True
    )
    assert run.stderr == b""
    (tmp_path / "a.y4m").write_bytes(run.stdout)
    _, made = frames("yuv420p", 5, width=320, height=240)
    for frame, original in zip(decoded(tmp_path / "a.y4m"), made, strict=True):
        np.testing.assert_array_equal(planes_of(frame)[0], original.planes[0])


def test_a_reader_that_goes_away_ends_the_run_quietly() -> None:
    code = textwrap.dedent(RUN.format(frames=40))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        assert run.stdout.read(9) == b"YUV4MPEG2"
        run.stdout.close()
        assert run.wait(30) == 3, "write raised BrokenPipeError, and nothing else went wrong"
        assert run.stderr.read() == b""
