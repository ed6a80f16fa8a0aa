"""Standard input, in a process of its own."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.clips import make_clip

READER = """
import hashlib, sys
from streamsr.media.open import open_source
source = open_source("-")
digest = hashlib.sha256()
times = []
for frame in source:
    times.append(str(frame.time))
    for plane in frame.planes:
        digest.update(plane.tobytes())
source.close()
info = source.info
print(info.width, info.height, info.layout, info.container, ",".join(times), digest.hexdigest())
"""


def pipe(content: bytes) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-c", READER], input=content, capture_output=True, check=False, timeout=60)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize(
    ("suffix", "codec", "form"), [("y4m", "rawvideo", "yuv4mpegpipe"), ("mkv", "ffv1", "matroska")]
)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p10le"])
def test_video_on_standard_input(suffix: str, codec: str, form: str, pix_fmt: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip.{suffix}"
    fields = {"width": 171, "height": 129, "frames": 5, "container_options": {"strict": "-1"}}
    pictures = make_clip(path, codec=codec, format=form, pix_fmt=pix_fmt, **fields)
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(plane).tobytes() for planes in pictures for plane in planes))
    done = pipe(path.read_bytes())
    times = "0,1/25,2/25,3/25,4/25"
    assert done.stdout.split() == ["171", "129", pix_fmt, "None", times, digest.hexdigest()], done.stderr
    assert done.stderr == ""


def test_nothing_on_standard_input() -> None:
    done = pipe(b"")
    assert done.returncode == 1
    assert "OpenError" in done.stderr
    assert "standard input" in done.stderr
