"""What is in the cache, what is removed from it, and what an entry is made of."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from streamsr.engines.cache import EngineCache, cache_directory, entries, prune, timings_path
from streamsr.engines.entry import MAGIC, pack, read_record, unpack

from .test_cache import record


@pytest.fixture
def three(cache: Path) -> dict[str, Path]:
    """Engines of 1000 bytes and a little more, used one, two and three hours ago."""
    store = EngineCache(cache)
    cache.mkdir(parents=True)
    for hours, key in enumerate("abc", 1):
        store.store(record(key), bytes(1000))
        os.utime(cache / f"{key}.engine", (time.time() - hours * 3600,) * 2)
    return {key: cache / f"{key}.engine" for key in "abc"}


def test_entries_come_latest_used_first(three: dict[str, Path]) -> None:
    assert [entry.record and entry.record.key for entry in entries()] == ["a", "b", "c"]
    assert EngineCache(cache_directory()).load("c") == bytes(1000)
    assert [entry.record and entry.record.key for entry in entries()] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("how", "left"),
    [
        ({}, "abc"),
        ({"everything": True}, ""),
        ({"older_than": 1.5 * 3600}, "a"),
        ({"max_bytes": 3000}, "ab"),
        ({"max_bytes": 0}, ""),
        ({"max_bytes": 1 << 20, "older_than": 2.5 * 3600}, "ab"),
    ],
)
def test_prune(three: dict[str, Path], how: dict, left: str) -> None:
    removed = prune(**how)
    assert {key for key, path in three.items() if path.exists()} == set(left)
    assert {entry.path for entry in removed} == {path for key, path in three.items() if key not in left}


def test_prune_sweeps_up(three: dict[str, Path], cache: Path) -> None:
    three["a"].write_bytes(b"rubbish")
    (cache / "old.part").write_bytes(b"what a killed process left")
    os.utime(cache / "old.part", (0, 0))
    (cache / "new.part").write_bytes(b"being written")
    (cache / "b.lock").touch()
    (cache / "not ours").touch()
    assert [entry.record for entry in prune()] == [None]
    assert {path.name for path in cache.iterdir()} == {"b.engine", "c.engine", "new.part", "b.lock", "not ours"}
    prune(everything=True)
    assert {path.name for path in cache.iterdir()} == {"not ours"}


def test_timing_caches_count_and_go(three: dict[str, Path], cache: Path) -> None:
    timings = timings_path("11.0", "Fake GPU (9.0)")
    assert timings.parent == cache
    timings.write_bytes(bytes(1000))
    assert [entry.is_timings for entry in entries()] == [True, False, False, False]
    os.utime(timings, (time.time() - 4 * 3600,) * 2)
    assert [entry.is_timings for entry in entries()] == [False, False, False, True]
    assert len(prune(max_bytes=3000)) == 2  # they are the last to make room
    assert timings.exists()
    assert {key for key, path in three.items() if path.exists()} == {"a"}
    assert [entry.path for entry in prune(older_than=3 * 3600)] == [timings]
    for options in ({"max_bytes": 999}, {"everything": True}):
        timings.write_bytes(bytes(1000))
        assert timings in [entry.path for entry in prune(**options)]
        assert not timings.exists()


def test_prune_leaves_locks_that_are_held(three: dict[str, Path], cache: Path) -> None:
    with EngineCache(cache).lock("a"):
        prune(everything=True)
        assert {path.name for path in cache.iterdir()} == {"a.lock"}


def test_prune_does_not_mind_files_that_vanish(three: dict[str, Path], cache: Path) -> None:
    (cache / "gone.part").symlink_to(cache / "nowhere")  # listed, but without a status, as a file just removed
    (cache / "gone.engine").symlink_to(cache / "nowhere")
    assert prune(older_than=1e12) == []
    assert all(path.exists() for path in three.values())


def test_pack_and_unpack() -> None:
    data = pack(record("key"), b"\n blob \n")
    assert unpack(data) == (record("key"), b"\n blob \n")
    head = json.loads(data.split(b"\n")[2])
    assert head["psnr"] == [50.0, 99.0]


@pytest.mark.parametrize(
    "data",
    [b"", MAGIC, MAGIC + b"x" * 64, MAGIC + b"x" * 64 + b"\n[]\n", MAGIC + b"\xff" * 64 + b"\n{}\n"],
    ids=["empty", "magic", "no record", "list", "garbage"],
)
def test_unpack_refuses(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cut short|not a cached engine|checksum does not match"):
        unpack(data)
    (tmp_path / "entry").write_bytes(data)
    assert read_record(tmp_path / "entry") is None
