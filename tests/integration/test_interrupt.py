"""Signals, from outside, on the real command."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest

from tests.clips import make_clip

COMMAND = [sys.executable, "-c", "from streamsr.cli.main import main; main()", "upscale"]


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    options = {"preset": "ultrafast", "g": "25"}
    make_clip(path, width=320, height=180, frames=1500, codec="libx264", audio=1, options=options)
    return path


def start(clip: Path, target: Path) -> subprocess.Popen[str]:
    arguments = [*COMMAND, str(clip), str(target), "--json", "--model", "live-x2", "--precision", "fp32"]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_output(folder: Path, process: subprocess.Popen[str]) -> None:
    """Until frames are being written: the temporary file has grown."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if any(file.stat().st_size > 20_000 for file in folder.iterdir()):
            return
        time.sleep(0.02)
    raise AssertionError(f"nothing is written: {process.communicate()}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_a_playable_file_with_every_frame_written(
    long_clip: Path, tmp_path: Path, number: signal.Signals
) -> None:
    target = tmp_path / "out.mkv"
    process = start(long_clip, target)
    wait_for_output(tmp_path, process)
    process.send_signal(number)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    report = json.loads(output.splitlines()[-1])
    assert report["interrupted"]
    assert [file.name for file in tmp_path.iterdir()] == ["out.mkv"]
    with av.open(str(target)) as container:
        frames = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    with av.open(str(target)) as container:
        sound = [float(packet.pts * packet.time_base) for packet in container.demux(audio=0) if packet.size]
    assert len(frames) == report["frames"] < 1500
    assert frames == sorted(set(frames))
    assert abs(sound[-1] - float(frames[-1])) < 0.2  # the sound ends where the picture ends


def test_a_kill_leaves_nothing_under_the_name_of_the_target(long_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    process = start(long_clip, target)
    wait_for_output(tmp_path, process)
    process.kill()
    process.communicate(timeout=20)
    assert not target.exists()
