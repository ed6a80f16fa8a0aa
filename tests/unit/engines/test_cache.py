"""The cache: whole entries are used, everything else is built again, and trouble costs a warning."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streamsr.engines.backend import CompileOptions
from streamsr.engines.cache import CACHE_ENV, entries, open_cache, prune
from streamsr.engines.compile import Candidate, compile_engine
from streamsr.engines.entry import MAGIC, EngineRecord, pack, read_record, unpack
from streamsr.engines.runner import stream

from . import graphs

GRAPH = graphs.upscaling()
ROOT = Path(__file__).parents[3]


def start() -> bool:
    """Compile, check a picture; whether the engine was built rather than found."""
    probed = []

    def probe() -> list[graphs.Tensors]:
        probed.append(True)
        return graphs.frames(GRAPH.input)

    engine = compile_engine([Candidate("fp32", GRAPH, "tiny")], GRAPH, CompileOptions(threads=2), probe)
    assert [output.shape for output in next(stream(engine, graphs.frames(GRAPH.input, 1)))] == graphs.shapes(
        GRAPH.output
    )
    engine.close()
    return bool(probed)


def record(key: str) -> EngineRecord:
    return EngineRecord(key, "tiny", "8x8 gray -> 8x8 gray", "openvino", "1.0", "CPU", "fp32", 12.5, (50.0, 99.0))


def only(cache: Path) -> Path:
    (entry,) = cache.glob("*.engine")
    return entry


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def flip(position: float) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        index = min(int(position * len(data)), len(data) - 1)
        return data[:index] + bytes([data[index] ^ 0x10]) + data[index + 1 :]

    return change


def rejoin(change: Callable[[dict], None]) -> Callable[[bytes], bytes]:
    """Another record with a checksum that fits: an entry somebody wrote on purpose."""

    def rewrite(data: bytes) -> bytes:
        old, blob = unpack(data)
        facts = {name: getattr(old, name) for name in EngineRecord.__slots__}
        change(facts)
        return pack(EngineRecord(**facts), blob)

    return rewrite


def test_found_again(cache: Path) -> None:
    assert start()
    assert not start()
    assert oct(cache.stat().st_mode & 0o777) == "0o700"
    assert oct(only(cache).stat().st_mode & 0o777) == "0o600"


DAMAGE = {
    "empty": lambda data: b"",
    "cut in the head": lambda data: data[:40],
    "cut in the record": lambda data: data[:200],
    "cut by a byte": lambda data: data[:-1],
    "longer": lambda data: data + b"\0",
    "flipped in the magic": flip(0),
    "flipped in the checksum": flip(0.0008),
    "flipped in the record": flip(0.01),
    "flipped in the middle": flip(0.5),
    "flipped at the end": flip(1),
    "another format": lambda data: data.replace(MAGIC, b"streamsr engine 9\n"),
    "not an entry": lambda data: b"hello",
    "another engine's": rejoin(lambda facts: facts.update(key="0" * 64)),
    "never verified": rejoin(lambda facts: facts.update(verified=False)),
    "not what the backend wrote": lambda data: pack(unpack(data)[0], b"no model"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_built_again(damage: str, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert start()
    rewrite(only(cache), DAMAGE[damage])
    assert start()
    (warning,) = caplog.messages
    assert "building it again" in warning
    assert not start()


def test_an_entry_of_another_engine_under_this_name(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    start()
    mine = only(cache)
    other = graphs.upscaling("nv12")
    compile_engine([Candidate("fp32", other)], other, CompileOptions(), lambda: graphs.frames(other.input)).close()
    (foreign,) = set(cache.glob("*.engine")) - {mine}
    foreign.replace(mine)
    assert start()
    assert "another engine's" in caplog.text


def test_an_unreadable_entry_is_built_again(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    start()
    path = only(cache)
    path.unlink()
    path.mkdir()
    assert start()
    assert "not used" in caplog.messages[0]
    assert "could not be cached" in caplog.messages[1]
    assert not list(cache.glob("*.part"))


SCRIPT = """
import logging, sys, time
logging.basicConfig(level="INFO", format="%(message)s", stream=sys.stdout)
from streamsr.engines.backend import CompileOptions
from streamsr.engines.compile import Candidate, compile_engine
from tests.unit.engines import graphs
graph = graphs.upscaling()
def probe():
    print("built", flush=True)
    time.sleep(0.5)
    return graphs.frames(graph.input)
compile_engine([Candidate("fp32", graph)], graph, CompileOptions(threads=1), probe).close()
"""


def test_two_processes_at_once_build_once(cache: Path) -> None:
    both = [
        subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("built" in output for output in outputs) == 1
    assert read_record(only(cache)) is not None


def test_a_killed_process_leaves_the_cache_usable(cache: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "built"
    process.kill()
    process.communicate()
    assert start()
    assert not start()


def test_a_read_only_folder_costs_a_warning(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    start()
    only(cache).unlink()
    with read_only(cache):
        assert start()
        assert "could not be cached" in caplog.text
    assert not list(cache.glob("*.part"))


class read_only:  # noqa: N801 - reads as what it is
    """Writing in a folder fails: by its permissions, or, for root whom those do not stop, by a limit on file sizes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        if os.getuid():
            self.folder.chmod(0o500)
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (16, self.limits[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)
        self.folder.chmod(0o700)


def test_a_full_disk_costs_a_warning(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = open_cache()
    assert store is not None
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        store.store(record("a"), bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "could not be cached" in caplog.text
    assert not list(cache.iterdir())


def test_a_place_that_cannot_be_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(CACHE_ENV, str(tmp_path / "file"))
    assert start()
    assert "engines are not cached" in caplog.text
    assert entries() == []
    assert prune(everything=True) == []


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_others_can_write_to_is_not_trusted(mode: int, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    start()
    cache.chmod(mode)
    assert open_cache() is None
    assert "can be written by others: chmod go-w" in caplog.text
    assert start()


def test_entries_tell_what_they_are(cache: Path) -> None:
    start()
    (entry,) = entries()
    assert entry.path == only(cache)
    assert entry.size == entry.path.stat().st_size
    assert abs(entry.used - time.time()) < 60
    assert entry.record is not None
    assert entry.record.model == "tiny"
    assert entry.record.format == "48x32 yuv420p -> 96x64 yuv420p"
    assert (entry.record.backend, entry.record.precision, entry.record.verified) == ("openvino", "fp32", True)
    assert min(entry.record.psnr) >= 60
    assert entry.record.device.startswith("CPU ")
    assert f"{entry.record.key}.engine" == entry.path.name
