"""The command as a user meets it: files, messages, exit codes."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import onnx
import pytest

from streamsr.engines.cache import timings_path
from tests.clips import LOSSLESS, make_clip
from tests.integration.conftest import Run


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "in.mkv"
    make_clip(path, frames=6, audio=1, **LOSSLESS)
    return path


def test_a_video(run: Run, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.mp4"
    assert run("upscale", clip, target, "--json") == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out.splitlines()[-1])
    assert {"frames", "duplicates", "skipped", "seconds", "fps", "startup_seconds", "stages"} <= set(report)
    assert {"backend", "precision", "model", "input", "output"} <= set(report)
    assert report["frames"] == 6
    assert (report["input"], report["output"], report["model"]) == (str(clip), str(target), "stream-x2")
    assert set(report["stages"]["infer"]) == {"wall_ms", "cpu_ms"}
    assert "6 frames" in captured.err
    with av.open(str(target)) as container:
        assert [(f.width, f.height) for f in container.decode(video=0)] == [(128, 96)] * 6
        assert len(container.streams.audio) == 1


def test_a_part_of_it(run: Run, clip: Path, tmp_path: Path) -> None:
    assert run("upscale", clip, tmp_path / "out.mkv", "--start", "0.08", "--end", "0:0:0.2", "-q") == 0
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert len(list(container.decode(video=0))) == 3


def test_images_and_folders(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index, size in enumerate([(40, 30), (31, 17)]):
        pixels = np.random.default_rng(index).integers(0, 256, (size[1], size[0], 3), np.uint8)
        frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
        with av.open(str(folder / f"{index}.png"), "w", format="image2") as out:
            stream = out.add_stream("png", rate=1)
            stream.width, stream.height, stream.pix_fmt = *size, "rgb24"
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    assert run("upscale", folder, tmp_path / "large", "-q") == 0
    assert run("upscale", folder / "0.png", f"{tmp_path}/single/", "-q") == 0
    assert [file.name for file in (tmp_path / "single").iterdir()] == ["0.png"]
    for index, size in enumerate([(80, 60), (62, 34)]):
        with av.open(str(tmp_path / "large" / f"{index}.png")) as container:
            frame = next(container.decode(video=0))
            assert (frame.width, frame.height, frame.format.name) == (*size, "rgb24")


def test_many_inputs_one_of_them_broken(
    run: Run, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("this is no video")
    assert run("upscale", broken, clip, "--output-dir", tmp_path / "out", "-q") == 1
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["in.mkv"]
    errors = capsys.readouterr().err
    assert f"error: {broken}" in errors
    assert "1 of 2 inputs failed" in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["upscale", "{clip}", "out.mp4", "--skip-streams", "audio,sound"], "sound"),
        (["upscale", "{clip}", "n" * 300 + ".mp4"], "name too long"),
        (["upscale", "{clip}", "--output-dir", "{clip}"], "cannot make the folder"),
        (["upscale", "absent.mp4", "out.mp4"], "absent.mp4"),
        (["upscale", "{clip}", "out.mp4", "--model", "livex2"], "did you mean 'live-x2'"),
        (["upscale", "{clip}", "out.mp4", "--backend", "openvin"], "did you mean 'openvino'"),
        (["upscale", "{clip}", "out.mp4", "--precision", "fp8"], "fp8"),
        (["upscale", "{clip}", "out.mp4", "--codec", "libx266"], "libx266"),
        (["upscale", "{clip}", "out.mp4", "--pix-fmt", "yuv421p"], "yuv421p"),
        (["upscale", "{clip}", "out.mp4", "--start", "100"], "--start"),
        (["upscale", "{clip}", "out.mp4", "--skip-streams", "sound"], "sound"),
        (["upscale", "{clip}", "{clip}", "-y"], "is the input itself"),
        (["upscale", "{clip}", "no/such/folder/out.mp4"], "no/such/folder"),
        (["info", "absent.mp4"], "absent.mp4"),
        (["models", "live-x3"], "did you mean"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(
    run: Run,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))
    assert run(*[argument.format(clip=clip) for argument in arguments]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert set(tmp_path.rglob("*")) == before


def test_an_existing_file_is_kept(run: Run, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.mkv"
    target.write_bytes(b"precious")
    assert run("upscale", clip, target) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert target.read_bytes() == b"precious"
    assert run("upscale", clip, target, "-y", "-q") == 0
    assert target.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["upscale", "a.mp4", "out.mp4", "--start", "soon"], "is not a time"),
        (["upscale", "a.mp4", "out.mp4", "--tile", "8"], "tile"),
        (["upscale", "a.mp4"], "INPUT OUTPUT"),
        (["upscale", "a.mp4", ""], "an empty path"),
        (["graph", "live-x2", "-o", "g.onnx", "--size", "640"], "is not a size"),
        (["cache", "prune"], "--all"),
        (["upscale", "a.mp4", "b.mp4", "--no-such-option"], "--no-such-option"),
        (["upscale", "a.mp4", "b.mp4", "--frames", "0"], "--frames"),
        (["no-such-command"], "no-such-command"),
    ],
)
def test_usage_errors_exit_with_2(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err


def test_whoever_reads_the_output_may_leave(clip: Path) -> None:
    for arguments in (["upscale", str(clip), "-", "-q"], ["doctor"]):
        process = subprocess.Popen(
            [sys.executable, "-c", "from streamsr.cli.main import main; main()", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.close()
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, b"")


@pytest.mark.parametrize("closed", ["1", "2"])
def test_closed_streams_are_no_error(clip: Path, tmp_path: Path, closed: str) -> None:
    target = tmp_path / "out.mkv"
    command = [sys.executable, "-c", "from streamsr.cli.main import main; main()"]
    line = " ".join(map(shlex.quote, [*command, "upscale", str(clip), str(target), "--json"]))
    assert subprocess.run(["sh", "-c", f"{line} {closed}>&-"], check=False, timeout=60).returncode == 0
    assert target.exists()


def test_help_and_version(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    assert run("upscale", "--help") == 0
    assert run("--version") == 0
    out = capsys.readouterr().out
    assert "Examples" in out
    assert "streamsr 0." in out


def test_a_y4m_pipe(clip: Path) -> None:
    y4m = io.BytesIO()
    make_clip(y4m, frames=5, format="yuv4mpegpipe", codec="wrapped_avframe")
    command = [sys.executable, "-c", "from streamsr.cli.main import main; main()", "upscale", "-", "-", "-q"]
    done = subprocess.run(command, input=y4m.getvalue(), capture_output=True, check=True, timeout=60)
    assert done.stdout.startswith(b"YUV4MPEG2 W128 H96 F25:1")
    with av.open(io.BytesIO(done.stdout), format="yuv4mpegpipe") as container:
        assert len(list(container.decode(video=0))) == 5


def test_info(run: Run, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", clip) == 0
    text = capsys.readouterr().out
    assert "ffv1" in text
    assert "64x48" in text
    assert run("info", clip, "--json") == 0
    assert json.loads(capsys.readouterr().out)["streams"][0]["codec"] == "ffv1"


def test_models_and_cards(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "--json") == 0
    names = [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()]
    assert {"live-x2", "lanczos-x2"} <= set(names)
    assert run("models", "live-x2") == 0
    assert "trained" in capsys.readouterr().out.lower()


def test_graph_writes_a_checked_onnx_file(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "graph.onnx"
    assert run("graph", "live-x2", "--size", "32x18", "--pix-fmt", "nv12", "-o", path) == 0
    onnx.checker.check_model(onnx.load(path), full_check=True)
    assert capsys.readouterr().out.splitlines()[0] == "plane.0: uint8 18x32"
    assert run("graph", "live-x2", "-o", path) == 1


def test_timing_caches_are_listed(run: Run, tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STREAMSR_CACHE_DIR", str(tmp_path))
    timings = timings_path("11.0", "Fake GPU (9.0)")
    timings.parent.mkdir()
    timings.write_bytes(bytes(2048))
    assert run("cache", "list") == 0
    printed = capsys.readouterr()
    assert "2.0 KiB  timing cache" in printed.out
    assert printed.err.startswith("0 engines, 1 timing cache, 2.0 KiB in ")
    assert run("cache", "list", "--json") == 0
    (listed,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert listed == {"path": str(timings), "bytes": 2048, "kind": "timings", "record": None}
    assert run("cache", "prune", "--all") == 0
    assert capsys.readouterr().out == "removed 0 engines, 1 timing cache, 2.0 KiB\n"
    assert not timings.exists()


def test_cache_and_doctor(run: Run, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("upscale", clip, tmp_path / "out.mkv", "-q") == 0
    assert run("cache", "list") == 0
    assert "stream-x2" in capsys.readouterr().out
    assert run("cache", "prune", "--all") == 0
    assert run("cache", "list", "--json") == 0
    out = capsys.readouterr().out
    assert "removed" in out.splitlines()[0]
    assert len(out.splitlines()) == 1
    assert run("doctor", "--json") == 0
    findings = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"openvino", "onnxruntime"} <= {f["name"] for f in findings if f["topic"] == "Backends" and f["ok"]}
